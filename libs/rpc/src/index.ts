export { type Answer, type AnswerOptions, Answers, findAnswers } from './answers.js';
export { NatsLink } from './nats-link.js';
export { Rpc, type RpcCallOptions } from './rpc-client.js';
export { RpcModule } from './rpc.module.js';
export { RpcServer } from './rpc-server.js';
