export {
  defineJob,
  type JobDefinition,
  type JobHandler,
  type JobOptions,
  type JobRun,
  Processes,
  RunAgain,
  runAgainIn,
} from './definition.js';
export { type AddOptions, Jobs, type JobsOptions, QueueUnavailable } from './jobs.js';
export { JobsModule, TimersModule } from './module.js';
export { Timers } from './timers.js';
