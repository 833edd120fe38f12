export { Answers } from './answers.js';
export { DirectAnswers } from './direct-answers.js';
export { Health, HealthModule } from './health.js';
export { errorOf, type ProblemDetails, problemOf, shownCode, STATUS_BY_CODE, statusOf } from './problem.js';
export { ProblemFilter, sendProblem } from './problem.filter.js';
export { Rpc, type RpcCallOptions, RpcModule } from './rpc-client.js';
export { RpcServer } from './rpc-server.js';
export { type HttpOptions, type RunningService, type ServiceOptions, startService } from './start-service.js';
export { fieldErrors, InputPipe, validated } from './validation.js';
