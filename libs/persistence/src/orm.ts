import { ReflectMetadataProvider } from '@mikro-orm/decorators/legacy';
import { MikroORM, type AnyEntity, type Constructor, type EntityClass, type Options } from '@mikro-orm/postgresql';
import { logger } from '@strowger/telemetry';
import { isDatabaseAway, unavailable } from './errors.js';

export type EntityType = EntityClass<AnyEntity> | Constructor<AnyEntity>;

export interface OrmSettings {
  /** Also the name of the schema. */
  service: string;
  databaseUrl: string;
  poolSize: number;
  entities: readonly EntityType[];
  extra?: Partial<Options>;
}

const log = logger('persistence');

const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`;

/** MikroORM on the service's own schema. Does not connect: the first query does, and each later one finds a live connection. */
export async function openOrm({ service, databaseUrl, poolSize, entities, extra }: OrmSettings): Promise<MikroORM> {
  const orm = await MikroORM.init({
    clientUrl: databaseUrl,
    schema: service,
    entities: [...entities] as EntityClass<AnyEntity>[],
    metadataProvider: ReflectMetadataProvider,
    discovery: { warnWhenNoEntities: false },
    pool: { min: 0, max: poolSize, idleTimeoutMillis: 30_000 },
    driverOptions: {
      // Startup parameter, so that it holds on every connection; `public` last, for extensions.
      options: `-c search_path=${quoted(service)},public`,
      application_name: `strowger ${service}`,
      connectionTimeoutMillis: 5000,
      keepAlive: true,
      // A handler that hangs must not hold row locks for ever.
      idle_in_transaction_session_timeout: 60_000,
      onPoolCreated: watch,
    },
    logger: (message) => log.warn({ message: message.split('\n', 1)[0] }, 'orm'),
    colors: false,
    ...extra,
  });
  keepTranslated(orm);
  return orm;
}

interface PooledClient {
  query(...args: unknown[]): unknown;
  release(error?: Error | boolean): void;
  once(event: 'end', listener: () => void): void;
  removeListener(event: 'end', listener: () => void): void;
}
interface Pool {
  connect(...args: unknown[]): Promise<PooledClient>;
}

function watch(pool: Pool): void {
  takeBackBrokenConnections(pool);
  translateErrors(pool);
}

/**
 * Every request to the database goes through here, from entity managers, query builders and plain statements alike, so
 * all of them answer `unavailable`, and not `internal`, while Postgres is away.
 */
function translateErrors(pool: Pool): void {
  const known = new WeakSet<PooledClient>();
  const translated = (error: unknown): never => {
    throw isDatabaseAway(error) ? unavailable(error) : error;
  };
  const connect = pool.connect.bind(pool);
  pool.connect = async (...args) => {
    if (args.length > 0) return await connect(...args);
    const client = await connect().catch(translated);
    if (known.has(client)) return client;
    known.add(client);
    const query = client.query.bind(client);
    client.query = (...given) => {
      const result = query(...namedWhenPrepared(given));
      return result instanceof Promise ? result.catch(translated) : result;
    };
    return client;
  };
}

/** Begins a statement that each connection is to parse and plan once: `Db.query(…, { prepared: true })`. */
export const PREPARED = '/* prepared */ ';
const names = new Map<string, string>();

/** kysely sends every statement without a name, and PostgreSQL then parses and plans it each time. */
function namedWhenPrepared(given: unknown[]): unknown[] {
  const [text, values] = given;
  if (typeof text !== 'string' || !text.startsWith(PREPARED)) return given;
  let name = names.get(text);
  if (!name) names.set(text, (name = `strowger_${names.size}`));
  return [{ name, text, values }];
}

/**
 * kysely 0.29 never gives a connection back when its `begin` fails, which is what happens to each idle connection that
 * breaks with Postgres: a few restarts would empty the pool for good. So a checked-out connection that ends is taken
 * back here, and the holder's own release later is ignored.
 */
function takeBackBrokenConnections(pool: Pool): void {
  const connect = pool.connect.bind(pool);
  pool.connect = async (...args) => {
    // With a callback, the pool is calling itself.
    if (args.length > 0) return await connect(...args);
    const client = await connect();
    const release = client.release.bind(client);
    const ended = (): void => client.release(true);
    let released = false;
    client.release = (error) => {
      if (released) return;
      released = true;
      client.removeListener('end', ended);
      release(error);
    };
    client.once('end', ended);
    return client;
  };
}

/** MikroORM makes its own exceptions of what the driver threw; what is translated already stays. */
function keepTranslated(orm: MikroORM): void {
  const converter = orm.em.getPlatform().getExceptionConverter();
  const convert = converter.convertException.bind(converter);
  converter.convertException = (error) => (isDatabaseAway(error) ? (unavailable(error) as never) : convert(error));
}
