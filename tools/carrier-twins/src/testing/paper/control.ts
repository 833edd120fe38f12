/** `/control/paper/…`: Paper from behind, for tests. */
import { ControlError, type ControlRoutes } from '../../control/table.js';
import { sameNumber } from '../../wire.js';
import type { DeliveryResult, InboundInput, Signing } from './hooks.js';
import type { PaperStore } from './store.js';
import { type Account, type HeldNumber, type Message, newId, type ReceiptStatus } from './types.js';

export interface ReceiptInput {
  /** The message's. */
  id: string;
  status: ReceiptStatus;
  code?: string;
  sign?: Signing;
  /** How often the same delivery is sent; default 1. */
  repeat?: number;
}

export interface MessageFilter {
  direction?: 'inbound' | 'outbound';
  /** Compared by digits, a leading 1 ignored. */
  to?: string;
  from?: string;
}

export const paperControl: ControlRoutes<PaperStore> = {
  'POST accounts': (store, request): Account => ({ ...store.putAccount(request.body<Partial<Account>>()) }),
  'GET accounts/:account': (store, request): Account => ({ ...accountOf(store, request.param('account')) }),
  'POST accounts/:account/signing-key': (store, request): Account => {
    const { account } = accountOf(store, request.param('account'));
    return { ...store.putAccount({ account, signingKey: newId('sign') }) };
  },
  'GET numbers': (store): HeldNumber[] => [...store.numbers.values()].map((held) => ({ ...held })),
  'PUT held-elsewhere/:number': (store, request) => void store.heldElsewhere.add(digits(request.param('number'))),
  'DELETE held-elsewhere/:number': (store, request) => void store.heldElsewhere.delete(digits(request.param('number'))),
  'GET messages': (store, request): Message[] => {
    const [direction, to, from] = [request.text('direction'), request.text('to'), request.text('from')];
    return [...store.messages.values()]
      .filter(
        (message) =>
          (direction === undefined || message.direction === direction) &&
          (to === undefined || sameNumber(message.to, to)) &&
          (from === undefined || sameNumber(message.from, from)),
      )
      .map((message) => ({ ...message }))
      .reverse();
  },
  'POST inbound': (store, request) => inbound(store, request.body<InboundInput>()),
  'POST receipts': (store, request) => receipt(store, request.body<ReceiptInput>()),
};

const digits = (number: string): string => number.replace(/\D/g, '');

function accountOf(store: PaperStore, name: string): Account {
  const account = store.accounts.get(name);
  if (!account) throw new ControlError(404, `No account ${name}`);
  return account;
}

function inbound(store: PaperStore, input: InboundInput): Promise<DeliveryResult> {
  const [to, from] = [digits(input.to), digits(input.from)];
  const name = input.account ?? store.numbers.get(to)?.account;
  if (name === undefined) throw new ControlError(404, `No account holds the number ${input.to}`);
  const account = accountOf(store, name);
  const message: Message = {
    id: input.id ?? newId('pm'),
    account: name,
    direction: 'inbound',
    from,
    to,
    text: input.text,
    status: 'received',
    code: null,
    callbackUrl: null,
  };
  store.messages.set(message.id, message);
  store.world.changed();
  return store.hooks.message(account, message, { sign: input.sign, repeat: input.repeat });
}

function receipt(store: PaperStore, { id, status, code, sign, repeat }: ReceiptInput): Promise<DeliveryResult> {
  const message = store.messages.get(id);
  if (message?.direction !== 'outbound') throw new ControlError(404, `No message ${id}`);
  return store.hooks.receipt(message, status, code, { sign, repeat });
}
