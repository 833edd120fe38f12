export { codingOf } from './content-coding.js';
export { errorOf, type ProblemDetails, problemOf, shownCode, STATUS_BY_CODE, statusOf } from './problem.js';
export { ProblemFilter, sendProblem } from './problem.filter.js';
export { type HttpOptions, type RunningService, type ServiceOptions, startService } from './start-service.js';
export { InputPipe } from './validation.js';
