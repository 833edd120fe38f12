export { ClientSocket } from './client-socket.js';
export { PortalApi, Refused, type Problem } from './portal-api.js';
export { until } from './until.js';
