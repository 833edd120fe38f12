/**
 * Paper, a carrier that only tests know: unlike Restcomm in all that an adapter may take for granted. Three secrets, signed
 * JSON webhooks that are repeated, idempotent numbers that can't be looked up, no list of messages, texts of any length.
 */
import { defineTwin, isRecord } from '../../twin.js';
import { paperControl } from './control.js';
import { paperOperation } from './routes.js';
import { seed } from './seed.js';
import { PaperStore } from './store.js';
import { type Account, defaultSwitches, type HeldNumber, KIND, type Message } from './types.js';

interface Saved {
  accounts: Account[];
  numbers: HeldNumber[];
  heldElsewhere: string[];
  messages: Message[];
}

/** The rows are as they were saved: the file is the twins' own. */
const isSaved = (saved: unknown): saved is Saved =>
  isRecord(saved) && ['accounts', 'numbers', 'heldElsewhere', 'messages'].every((name) => Array.isArray(saved[name]));

export const paper = defineTwin({
  kind: KIND,
  title: 'Paper',
  addresses: { Paper: '/paper/v1' },
  routes: { '/paper/v1/': paperOperation },
  sends: ['inbound.webhook', 'messages.receipt'],
  switches: defaultSwitches,
  store: (world, switches) => new PaperStore(world, switches),
  seed,
  control: paperControl,
  state: ({ accounts, numbers, messages, hooks }) => ({
    accounts: accounts.size,
    numbers: numbers.size,
    messages: messages.size,
    receiptsWaiting: hooks.waiting,
  }),
  page: ({ accounts, numbers, messages }) => [
    {
      caption: 'Accounts',
      heads: ['Account', 'Status', 'Webhook'],
      rows: [...accounts.values()].map((one) => [one.account, one.status, one.webhookUrl === null ? '' : 'set']),
    },
    {
      caption: 'Numbers',
      heads: ['Number', 'Account', 'Label', 'Webhook'],
      rows: [...numbers.values()].map((one) => [
        one.number,
        one.account,
        one.label ?? '',
        one.webhookUrl === null ? '' : 'set',
      ]),
    },
    {
      caption: 'Messages, newest first',
      heads: ['Id', 'Direction', 'From', 'To', 'Status', 'Code', 'Text'],
      rows: [...messages.values()]
        .slice(-50)
        .reverse()
        .map((one) => [one.id, one.direction, one.from, one.to, one.status, one.code ?? '', one.text]),
    },
  ],
  snapshot: {
    save: ({ accounts, numbers, heldElsewhere, messages }): Saved => ({
      accounts: [...accounts.values()],
      numbers: [...numbers.values()],
      heldElsewhere: [...heldElsewhere],
      messages: [...messages.values()],
    }),
    restore: (store, saved) => {
      if (!isSaved(saved)) return;
      for (const account of saved.accounts) store.accounts.set(account.account, account);
      for (const held of saved.numbers) store.numbers.set(held.number, held);
      for (const number of saved.heldElsewhere) store.heldElsewhere.add(number);
      for (const message of saved.messages) {
        store.messages.set(message.id, message);
        if (message.status === 'accepted' && store.switches.autoReceipts) store.hooks.accepted(message);
      }
    },
  },
});
