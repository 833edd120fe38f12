import type { PaperStore } from './store.js';
import type { Account } from './types.js';

/** Works. Change its webhook URL through the control API to receive messages. */
export const PAPER_ACCOUNT = {
  account: 'PA0001',
  status: 'active',
  apiKey: 'paper-key-0001',
  apiSecret: 'paper-secret-0123456789abcdef',
  signingKey: 'paper-signing-0123456789abcdef',
  webhookUrl: null,
} as const satisfies Account;

/** Credentials are right, the account is suspended: 403. */
export const SUSPENDED_PAPER_ACCOUNT = {
  account: 'PA0002',
  status: 'suspended',
  apiKey: 'paper-key-0002',
  apiSecret: 'paper-secret-suspended',
  signingKey: 'paper-signing-suspended',
  webhookUrl: null,
} as const satisfies Account;

export function seed(store: PaperStore): void {
  for (const account of [PAPER_ACCOUNT, SUSPENDED_PAPER_ACCOUNT]) store.putAccount(account);
}
