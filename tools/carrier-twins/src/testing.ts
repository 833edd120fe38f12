/** Twins of the tests only: `startTwins({ twins: [...TWINS, paper] })`. */
export { paper } from './testing/paper/index.js';
export { paperClient, type PaperControl } from './testing/paper/client.js';
export { PAPER_ACCOUNT, SUSPENDED_PAPER_ACCOUNT } from './testing/paper/seed.js';
export type { InboundInput as PaperInboundInput, Signing } from './testing/paper/hooks.js';
export type { ReceiptInput as PaperReceiptInput } from './testing/paper/control.js';
export type {
  Account as PaperAccount,
  HeldNumber,
  Message as PaperMessage,
  PaperSwitches,
} from './testing/paper/types.js';
