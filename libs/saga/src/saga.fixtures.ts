import type { MikroORM } from '@mikro-orm/postgresql';
import { AppError, newId } from '@strowger/kernel';
import { Db, openOrm } from '@strowger/persistence';
import { testDatabase, type TestDatabase } from '@strowger/testing';
import { CompiledQuery } from 'kysely';
import { defineSaga } from './definition.js';
import { SagaRunner, type SagaRunnerOptions } from './runner.js';
import { SAGA_SQL } from './schema.js';

const connect = (databaseUrl: string, poolSize = 10): Promise<MikroORM> =>
  openOrm({ service: 'provisioning', databaseUrl, poolSize, entities: [] });

export class FixtureDb extends Db {
  static async connect(url: string, poolSize?: number): Promise<FixtureDb> {
    return new FixtureDb(await connect(url, poolSize), 'provisioning');
  }
  async sql<T>(text: string, params: unknown[] = [], em = this.em()): Promise<T[]> {
    return (await em.getKysely().executeQuery<T>(CompiledQuery.raw(text, params))).rows;
  }
}

/** `effect` stands for what carriers hold, `business` for the service's own rows. */
export const sagaDatabase = (): Promise<TestDatabase> =>
  testDatabase('provisioning', async (url) => {
    const db = await connect(url);
    await db.em.fork().execute(SAGA_SQL);
    await db.em.fork()
      .execute(`create table effect (saga_id text, name text, applied int not null default 1, primary key (saga_id, name));
      create table business (id text primary key, state text not null, note text); create table entered (saga_id text, step text, runner text)`);
    await db.close();
  });

export interface Carrier {
  apply(id: string, name: string): Promise<{ existed: boolean }>;
  remove(id: string, name: string): Promise<void>;
  has(id: string, name: string): Promise<boolean>;
}

/** Idempotent, as real adapters are: applying twice changes nothing, removing what is not there is a not-found. */
export const carrierOf = (db: FixtureDb): Carrier => ({
  async apply(id, name) {
    const rows = await db.sql(
      'insert into effect (saga_id, name) values ($1, $2) on conflict do nothing returning name',
      [id, name],
    );
    return { existed: rows.length === 0 };
  },
  async remove(id, name) {
    const rows = await db.sql('delete from effect where saga_id = $1 and name = $2 returning name', [id, name]);
    if (rows.length === 0) throw new AppError('not-found', 'effect-not-found', 'There is no such thing.');
  },
  async has(id, name) {
    return (await db.sql('select 1 from effect where saga_id = $1 and name = $2', [id, name])).length > 0;
  },
});

export interface Deps {
  carrier: Carrier;
  db: FixtureDb;
}

const quick = { attempts: 3, backoffMs: 1 };

/** Look, change one system, change another that can be asked what happened, finish. */
export const sample = defineSaga<{ number: string }>('provisioning.sample.v1')
  .needs<Deps>()
  .step('look', { run: async (c) => ({ existed: await c.carrier.has(c.sagaId, 'number') }), retry: quick })
  .step('addNumber', {
    run: async (c) => ({ ...(await c.carrier.apply(c.sagaId, 'number')), number: c.input.number }),
    undo: async (c) => (c.output.look.existed ? undefined : c.carrier.remove(c.sagaId, 'number')),
    retry: quick,
  })
  .step('enable', {
    run: async (c) => {
      await c.carrier.apply(c.sagaId, 'enablement');
      return { jobId: `job-of-${c.output.addNumber.number}` };
    },
    probe: async (c) => ((await c.carrier.has(c.sagaId, 'enablement')) ? { jobId: 'found' } : undefined),
    undo: (c) => c.carrier.remove(c.sagaId, 'enablement'),
    retry: quick,
  })
  .step('notify', { run: () => undefined, retry: quick })
  .onDone((c, em) =>
    c.db.sql(`update business set state = 'active', note = $2 where id = $1`, [c.subject, c.output.enable.jobId], em),
  )
  .onUndone((c, error, em) =>
    c.db.sql(`update business set state = 'failed', note = $2 where id = $1`, [c.subject, error.code], em),
  )
  .onStuck((c, error, em) =>
    c.db.sql(
      `update business set state = 'cleanup-required', note = coalesce(note, '') || '!' || $2 where id = $1`,
      [c.subject, error.code],
      em,
    ),
  );

export const runnerFor = (db: FixtureDb, options: Partial<SagaRunnerOptions> = {}): SagaRunner => {
  const runner = new SagaRunner(db, { service: 'test', undoAttempts: 3, undoBackoffMs: 1, sweepMs: 25, ...options });
  runner.register(sample, { carrier: carrierOf(db), db });
  return runner;
};

/** The business row and the saga commit together. */
export async function begin(db: FixtureDb, runner: SagaRunner, id = newId()): Promise<string> {
  await db.transactional(async (em) => {
    await db.sql(`insert into business (id, state) values ($1, 'provisioning')`, [id], em);
    await runner.start(sample, { number: '+12015550123' }, { id, subject: id });
  });
  return id;
}

export async function world(
  db: FixtureDb,
  id: string,
): Promise<{ business: string; held: string[]; note: string | null }> {
  const [row] = await db.sql<{ state: string; note: string | null }>('select state, note from business where id = $1', [
    id,
  ]);
  const held = await db.sql<{ name: string }>('select name from effect where saga_id = $1 order by name', [id]);
  return { business: row!.state, note: row!.note, held: held.map(({ name }) => name) };
}
