/** Roles, schemas and copies of databases, as the superuser. */
import pg from 'pg';

const quote = pg.escapeIdentifier;
const literal = pg.escapeLiteral;

export interface SqlClient {
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
}

/** Runs `work` on one connection of its own. */
export async function withClient<T>(url: string, work: (client: SqlClient) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {}); // a connection lost while idle shows in the next query
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The same server and login, another database. */
export function inDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

/** The same server and database, another login. */
export function asRole(url: string, role: string, password: string): string {
  const changed = new URL(url);
  changed.username = role;
  changed.password = password;
  return changed.href;
}

export async function createDatabase(url: string, name: string, template?: string): Promise<void> {
  await withClient(url, (client) =>
    client.query(`CREATE DATABASE ${quote(name)}${template ? ` TEMPLATE ${quote(template)}` : ''}`),
  );
}

export async function databaseExists(client: SqlClient, name: string): Promise<boolean> {
  return (await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])).rows.length > 0;
}

/**
 * A role of the service's name that owns a schema of that name in the database of `url` and sees no other schema.
 * Safe to repeat; sets the password again.
 */
export async function ensureServiceSchema(url: string, service: string, password: string): Promise<void> {
  const role = quote(service);
  await withClient(url, async (client) => {
    const existing = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [service]);
    const verb = existing.rows.length > 0 ? 'ALTER' : 'CREATE';
    await client.query(`${verb} ROLE ${role} LOGIN NOSUPERUSER PASSWORD ${literal(password)}`);
    await client.query(`ALTER ROLE ${role} SET search_path = ${role}`);
    await client.query(`GRANT ${role} TO CURRENT_USER`); // a superuser that is not quite one (managed servers) needs it
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${role} AUTHORIZATION ${role}`);
    await client.query('REVOKE ALL ON SCHEMA public FROM PUBLIC');
    // For searches inside names; the service's role may not create it. A server without contrib does without.
    await client.query('CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public').catch(() => {});
    await client.query(`GRANT USAGE ON SCHEMA public TO ${role}`);
  });
}
