export { startTwins, type RunningTwins } from './twins.js';
export { optionsFromEnv, type TwinsOptions } from './options.js';
export { defineTwin, type Section, type Twin, type TwinDefinition, type TwinSpec } from './twin.js';
export { TWINS, twinsClient, type TwinsControl } from './registry.js';
export { type ControlChannel, overHttp } from './control/client.js';
export { ControlError, type ControlRoutes } from './control/table.js';
export type { BatchInput, BatchResult } from './control/batch.js';
export type { WorldState } from './control/routes.js';
export type { ClockView } from './clock.js';
export type { Fault, FaultInput, FaultKind, FaultMatch } from './faults.js';
export type { JournalEntry, JournalFilter } from './journal.js';
export type { WebhookLogEntry } from './webhooks.js';
export { APPLICATION_NAME, DEMO_ACCOUNT, NO_APP_ACCOUNT, SUSPENDED_ACCOUNT } from './restcomm/seed.js';
export type * from './restcomm/control.js';
export type { InboundDelivery, InboundInput, InboundResult } from './restcomm/inbound.js';
export type { RestcommSwitches } from './restcomm/switches.js';
export type { AccountStatus, Application, ConnectorMode, Message, Notification, NumberRow } from './restcomm/types.js';
export {
  type EnablementStatus,
  type EnablementView,
  type ExchangeSwitches,
  FORBIDDEN_ME_TOKEN,
  type JobView,
  REVOKED_ME_TOKEN,
} from './exchange/book.js';
export type { ExchangeJobInput, ExchangeNumberInput, ExchangeNumberView } from './exchange/control.js';
