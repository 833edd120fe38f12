/** A carrier of the tests only, as unlike Restcomm as it can be: signed hooks, three secrets, nothing to find or list. */
import type { ReceiptMeaning } from '@strowger/sms';
import { defineCarrier, NumberSteps } from '../../carrier.js';
import { PlatformUnavailable } from '../../errors.js';
import { PAPER, PaperApi, type Paper } from './api.js';
import { PaperCredentials } from './credentials.js';
import { paperHook } from './hook.js';

const digits = (e164: string): string => e164.replace(/^\+/, '');
const numberPath = (e164: string): string => `/numbers/${encodeURIComponent(digits(e164))}`;

/** Putting a number there may be repeated, so an unknown outcome needs no look. */
const provisioning = new NumberSteps<Paper>()
  .step('putNumber', {
    run: async ({ access, number, webhookUrl }) => {
      const body = { webhookUrl: await webhookUrl(), label: number.friendlyName };
      await access.api.write(access, { method: 'PUT', path: numberPath(number.e164), body });
      return { number: digits(number.e164) };
    },
    undo: async ({ access, number }) => {
      await access.api.write(access, { method: 'DELETE', path: numberPath(number.e164), absent: 404 });
      return true;
    },
    says: { done: () => 'Put on the platform, its webhook set.', undone: () => 'Taken off the platform again.' },
  })
  .end(({ putNumber }) => putNumber && { carrierSid: putNumber.number, createdByUs: true }, {
    run: async (access, { e164 }) => {
      await access.api.write(access, { method: 'DELETE', path: numberPath(e164), absent: 404 });
    },
    says: { done: () => 'Taken off the platform.' },
  });

const STATES: Readonly<Record<string, ReceiptMeaning>> = {
  sent: { state: 'sent', recognized: true },
  delivered: { state: 'delivered', recognized: true },
  failed: { state: 'failed', reason: 'unknown-error', nextStep: 'Send it once more.', recognized: true },
};

export const paper = defineCarrier<PaperCredentials, PaperApi>({
  manifest: {
    kind: 'paper',
    label: PAPER,
    mms: false,
    whatsapp: false,
    longMessages: 'passthrough',
    ratePerSecond: 100,
  },
  credentials: PaperCredentials,
  connect: (options) => new PaperApi(options),
  verify: async (access) => {
    await access.api.read(access, '/account');
    return { warnings: [] };
  },
  hook: paperHook,
  receipts: (status) => STATES[status] ?? { state: 'unknown', recognized: false },
  provisioning,
  messages: {
    send: async (access, { from, to, body, statusCallbackUrl }) => {
      const request = { from: digits(from), to: digits(to), text: body, callbackUrl: statusCallbackUrl };
      const answer = await access.api.write(access, { method: 'POST', path: '/messages', body: request });
      const id: unknown = Reflect.get(Object(answer), 'id');
      if (typeof id !== 'string') throw new PlatformUnavailable(PAPER, 'unreadable answer', { outcome: 'unknown' });
      return { carrierMessageId: id, body, truncated: false, status: 'accepted' };
    },
  },
});
