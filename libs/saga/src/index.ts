export * from './definition.js';
export {
  SagaDefinitionChanged,
  SagaInputDiffers,
  SignalRefused,
  StepTimedOut,
  WaitTimedOut,
  OutcomeUnclear,
} from './errors.js';
export type { Interceptor, StepPoint } from './execution.js';
export { SagaJournal, type Phase, type SagaDb, type SagaState } from './journal.js';
export * from './module.js';
export * from './runner.js';
export { SAGA_SQL } from './schema.js';
export type { SagaView } from './view.js';
