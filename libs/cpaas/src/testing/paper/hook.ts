/** Paper's webhooks: JSON, signed over a time stamp and the body. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { HookFact } from '@strowger/contracts-ingestion';
import type { CarrierHook, HookAuthentication, HookRequest, ParsedHook } from '../../carrier.js';
import { bytesToText } from '../../form.js';
import { carrierNumber, carrierText } from '../../number-text.js';
import type { PaperCredentials } from './credentials.js';

const REPLY = { status: 204, body: '' };
/** A request older than this is a replay. */
const TOLERANCE_MS = 5 * 60_000;

const authentication: HookAuthentication<PaperCredentials> = {
  keys: ({ signingKey }) => [signingKey],
  refusal({ headers, rawBody, receivedAt }, keys) {
    const [, seconds, given] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(headers['x-paper-signature'] ?? '') ?? [];
    if (!seconds || !given) return 'no-signature';
    if (Math.abs(receivedAt.getTime() - Number(seconds) * 1000) > TOLERANCE_MS) return 'old-signature';
    const genuine = keys.some((key) => {
      const wanted = createHmac('sha256', key).update(`${seconds}.`).update(rawBody).digest();
      return timingSafeEqual(wanted, Buffer.from(given, 'hex'));
    });
    return genuine ? undefined : 'bad-signature';
  },
};

function read({ rawBody }: HookRequest): ParsedHook {
  if (rawBody.length === 0) return { facts: [], unreadable: { reason: 'empty' }, reply: REPLY };
  let body: unknown;
  try {
    body = JSON.parse(bytesToText(rawBody));
  } catch {
    return { facts: [], unreadable: { reason: 'broken-json' }, reply: REPLY };
  }
  const fact = factOf(body);
  if (!fact) return { facts: [], unreadable: { reason: 'missing-fields' }, reply: REPLY };
  return { facts: [fact], reply: REPLY };
}

function factOf(body: unknown): HookFact | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const text = (name: string): string | undefined => {
    const value: unknown = Reflect.get(body, name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const [carrierMessageId, account, from, to] = [text('id'), text('account'), text('from'), text('to')];
  if (!carrierMessageId || !account || !from || !to) return undefined;
  const numbers = { from: carrierNumber(from), to: carrierNumber(to) };
  const status = text('status');
  if (text('type') === 'receipt' && status)
    return { type: 'receipt.received', carrierMessageId, status, errorCode: text('code'), ...numbers };
  if (text('type') !== 'message') return undefined;
  const said = carrierText(text('text') ?? '');
  return { type: 'message.received', carrierMessageId, ...numbers, text: said, carrierAccountId: account };
}

export const paperHook: CarrierHook<PaperCredentials> = {
  bodyLimitBytes: 64 * 1024,
  headers: ['x-paper-signature', 'x-paper-delivery'],
  authentication,
  read,
  reply: REPLY,
};
