import { createHash, randomBytes } from 'node:crypto';
import { basename, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  asRole,
  createDatabase,
  databaseExists,
  ensureServiceSchema,
  inDatabase,
  withClient,
} from '../../../tools/setup/database.ts';
import { runFolder } from '../../../tools/setup/test-servers.ts';
import { servers } from './servers.js';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
const PASSWORD = 'test';

export interface TestDatabase {
  /** For DATABASE_URL: the service's role, `search_path` set to its schema. */
  url: string;
  /** The same database as a superuser, for looking behind the service. */
  adminUrl: string;
  /** Also ends connections that are still open. */
  drop(): Promise<void>;
}

/**
 * A database of its own for a spec file, with the role and schema of the service, copied from a template that
 * `migrate(url)` filled. An app's specs share one template per run; specs of a library have one per file, because
 * libraries migrate made-up schemas. `migrate` must close its connections and depend on nothing but its URL.
 */
export async function testDatabase(service: string, migrate: (url: string) => Promise<void>): Promise<TestDatabase> {
  const { postgresUrl } = await servers();
  const template = await migratedTemplate(postgresUrl, service, migrate);
  const name = `${service}_${randomBytes(5).toString('hex')}`;
  await createDatabase(postgresUrl, name, template);
  const adminUrl = inDatabase(postgresUrl, name);
  return {
    url: asRole(adminUrl, service, PASSWORD),
    adminUrl,
    drop: () =>
      withClient(postgresUrl, async (client) => {
        await client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
      }),
  };
}

async function migratedTemplate(
  postgresUrl: string,
  service: string,
  migrate: (url: string) => Promise<void>,
): Promise<string> {
  if (!/^[a-z][a-z0-9_]{0,30}$/.test(service)) throw new Error(`not a name for a service's schema: ${service}`);
  const identity = [basename(runFolder()), service, sharedBy(), migrate.toString()].join('\n');
  const template = `tpl_${service}_${createHash('sha256').update(identity).digest('hex').slice(0, 16)}`;
  // Jest's workers come here at the same time; the first one migrates, the others wait for it. Per service, because
  // two templates of one service also share its role.
  await withClient(postgresUrl, async (client) => {
    await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [`strowger-test:${service}`]);
    if (await databaseExists(client, template)) return;
    const building = `${template}_new`;
    await client.query(`DROP DATABASE IF EXISTS "${building}" WITH (FORCE)`);
    await client.query(`CREATE DATABASE "${building}"`);
    const url = inDatabase(postgresUrl, building);
    await ensureServiceSchema(url, service, PASSWORD);
    await migrate(asRole(url, service, PASSWORD));
    await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [building]);
    await client.query(`ALTER DATABASE "${building}" RENAME TO "${template}"`);
  });
  return template;
}

/** What shares a template: the app, else the spec file, else (outside Jest) nothing. */
function sharedBy(): string {
  const path = typeof expect === 'undefined' ? undefined : expect.getState().testPath;
  if (!path) return randomBytes(8).toString('hex');
  const [top, app] = relative(REPOSITORY, path).split(sep);
  return top === 'apps' && app ? app : path;
}
