export { eventually, type EventuallyOptions } from './eventually.js';
export {
  freePort,
  servers,
  startNats,
  startPostgres,
  startRedis,
  testNats,
  testRedisUrl,
  type ServerProcess,
  type TestServers,
} from './servers.js';
export { spawnService, type SpawnedService, type SpawnServiceOptions } from './spawn-service.js';
export { testDatabase, type TestDatabase } from './test-database.js';
