export { startTwins, type RunningTwins } from './twins.js';
export { optionsFromEnv, type TwinsOptions } from './options.js';
export { TwinsClient } from './control/client.js';
export * from './control/api.js';
export {
  APPLICATION_NAME,
  DEMO_ACCOUNT,
  FORBIDDEN_ME_TOKEN,
  NO_APP_ACCOUNT,
  REVOKED_ME_TOKEN,
  SUSPENDED_ACCOUNT,
} from './seed.js';
export type { ClockView } from './clock.js';
export type { EnablementStatus, EnablementView, JobView } from './exchange/book.js';
export type { Fault, FaultInput, FaultKind, FaultMatch } from './faults.js';
export type { JournalEntry, JournalFilter } from './journal.js';
export type { InboundDelivery, InboundInput, InboundResult } from './restcomm/inbound.js';
export type { AccountStatus, Application, ConnectorMode, Message, Notification, NumberRow } from './restcomm/types.js';
export type { Switches } from './switches.js';
export type { WebhookLogEntry } from './webhooks.js';
