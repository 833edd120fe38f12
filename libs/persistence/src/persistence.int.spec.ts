import { AppError, newId } from '@strowger/kernel';
import { eventually, testDatabase, testNats, type ServerProcess, type TestDatabase } from '@strowger/testing';
import { DeadLetters, INBOX, Publisher, type InboxTransaction } from '@strowger/messaging';
import { span } from '@strowger/telemetry';
import { recordSpans } from '@strowger/telemetry/testing';
import { Account, Listener, M20261120a, migrateTest, startWorld, type World } from './persistence.fixtures.js';
import { Db, migrate, OutboxRelay, sql, uniqueViolation } from './index.js';

let nats: ServerProcess;
let database: TestDatabase;
const worlds: World[] = [];

beforeAll(async () => {
  nats = await testNats();
});
beforeEach(async () => {
  database = await testDatabase('hierarchy', migrateTest);
});
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
  await nats.stop();
  nats.wipe();
  await nats.start();
  await database.drop();
}, 20_000);
afterAll(() => nats.stop());

async function start(options: { listener?: boolean; poolSize?: number } = {}): Promise<World> {
  const world = await startWorld({ databaseUrl: database.url, natsUrl: nats.url, ...options });
  worlds.push(world);
  return world;
}

const streamed = async (world: World): Promise<number> =>
  (await world.messaging.jsm.streams.info('HIERARCHY')).state.messages;

describe('migrating', () => {
  it('runs once, even when several processes begin at the same moment', async () => {
    const again = { databaseUrl: database.url, service: 'hierarchy', migrations: [M20261120a] };
    expect(await Promise.all([migrate(again), migrate(again)])).toEqual([[], []]);
  });
});

describe('readiness', () => {
  it('wants the migrations the code needs', async () => {
    const { db } = await start();
    await new Db(db.orm, 'hierarchy', ['M20261120a']).check();
    await expect(new Db(db.orm, 'hierarchy', ['M20261120a', 'M20261121a']).check()).rejects.toMatchObject({
      code: 'schema-behind',
    });
  });
});

describe('a statement about what is not there', () => {
  const about = (db: Db) => [
    () => db.query(sql`select not_there_yet from migration`),
    () => db.transactional(() => db.query(sql`select * from not_there_yet`)),
    () => db.transactional((em) => em.getConnection().execute('select not_there_yet()')),
  ];

  it('is unavailable while a migration is missing, so that nobody gives up the work', async () => {
    const { db } = await start();
    for (const ask of about(new Db(db.orm, 'hierarchy', ['M20261120a', 'M20261121a'])))
      await expect(ask()).rejects.toMatchObject({ kind: 'unavailable', code: 'schema-behind' });
  });

  it('is a bug otherwise', async () => {
    const { db } = await start();
    for (const ask of about(new Db(db.orm, 'hierarchy', ['M20261120a'])))
      await expect(ask()).rejects.not.toHaveProperty('kind');
  });
});

describe('statements', () => {
  it('that are prepared are planned once per connection, inside a transaction and outside', async () => {
    const { db } = await start({ poolSize: 1 });
    const ask = (n: number) => db.query(sql<{ n: number }>`select ${n}::int + 1 as n`, { prepared: true });
    expect(await ask(1)).toEqual([{ n: 2 }]);
    expect(await db.transactional(() => ask(2))).toEqual([{ n: 3 }]);
    const [first, ...rest] = await db.transactional(async () => {
      await ask(3);
      return db.query(sql<{ times: number }>`
        select (generic_plans + custom_plans)::int as times from pg_prepared_statements where name like 'strowger%'`);
    });
    expect(rest).toEqual([]);
    expect(first!.times).toBeGreaterThan(0);
  });
});

describe('transactions', () => {
  it('are joined, and roll back whole', async () => {
    const { db } = await start();
    const id = newId();
    const hooks: string[] = [];
    const failing = db.transactional(async (em) => {
      em.persist(em.create(Account, { id, balance: 1 } as Account));
      await em.flush();
      await db.transactional(async (inner) => {
        expect(inner).toBe(em);
        expect(await db.query(sql`select id from account`)).toEqual([{ id }]);
      });
      db.afterCommit(() => hooks.push('never'));
      throw new AppError('conflict', 'no', 'No.');
    });
    await expect(failing).rejects.toMatchObject({ code: 'no' });
    expect(await db.em().find(Account, {})).toEqual([]);
    expect(hooks).toEqual([]);
    await db.transactional(async () => db.afterCommit(() => hooks.push('committed')));
    expect(hooks).toEqual(['committed']);
  });

  it('are repeated after a deadlock', async () => {
    const { db } = await start();
    const [a, b] = [newId(), newId()];
    await db.query(sql`insert into account (id, balance) values (${a}, 0), (${b}, 0)`);
    const locked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const attempts = [0, 0];
    const cross = (mine: number, first: string, second: string) =>
      db.transactional(async () => {
        attempts[mine]!++;
        await db.query(sql`update account set balance = balance + 1 where id = ${first}`);
        locked[mine]!.resolve();
        await Promise.all(locked.map(({ promise }) => promise));
        await db.query(sql`update account set balance = balance + 1 where id = ${second}`);
      });
    await Promise.all([cross(0, a, b), cross(1, b, a)]);
    expect(attempts[0]! + attempts[1]!).toBe(3);
    expect(await db.query(sql`select balance from account`)).toEqual([{ balance: 2 }, { balance: 2 }]);
  });

  it('say which constraint was broken', async () => {
    const { db } = await start();
    const insert = () => db.query(sql`insert into tag values ('x')`);
    await insert();
    const error = await insert().catch((thrown: unknown) => thrown);
    expect([
      uniqueViolation(error),
      uniqueViolation(error, 'tag_name_unique'),
      uniqueViolation(error, 'other'),
    ]).toEqual([true, true, false]);
    expect(uniqueViolation(new Error('x'))).toBe(false);
  });
});

describe('the outbox', () => {
  it('publishes the row as it is, once committed, and marks it', async () => {
    const world = await start();
    const id = newId();
    await world.accounts.change(id, 5);
    await world.messaging.idle();
    const [row] = await world.db.query(
      sql<{ event: string; published_at: string | null }>`select event, published_at from outbox`,
    );
    expect(row!.published_at).not.toBeNull();
    const stored = await world.messaging.jsm.streams.getMessage('HIERARCHY', {
      last_by_subj: 'hierarchy.account.changed.v1',
    });
    expect(Buffer.from(stored!.data).toString()).toBe(row!.event);
    expect(JSON.parse(row!.event)).toMatchObject({
      type: 'hierarchy.account.changed.v1',
      source: '/hierarchy',
      subject: id,
      sequence: 1,
      tenantid: 'sp-1',
      correlationid: 'c-1',
      data: { balance: 5 },
    });
    expect(stored!.header.get('Nats-Msg-Id')).toBe(JSON.parse(row!.event).id);
  });

  it('keeps nothing of a change that was rolled back', async () => {
    const world = await start();
    const failing = world.db.transactional(async (em) => {
      world.outbox.add(em, new Account().add(1));
      await em.flush();
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await world.relay.drainOnce();
    expect(await streamed(world)).toBe(0);
  });

  it('publishes what a crash between commit and publish left behind', async () => {
    const before = await start();
    await before.relay.stop();
    await before.accounts.change(newId(), 1);
    await before.crash();
    const after = await start();
    await after.messaging.idle();
    expect(await streamed(after)).toBe(1);
  });

  it('publishes a second time what was acked and not marked, and the stream keeps one', async () => {
    const world = await start();
    await world.accounts.change(newId(), 1);
    await world.messaging.idle();
    await world.db.query(sql`update outbox set published_at = null`);
    await world.messaging.idle();
    expect(await streamed(world)).toBe(1);
  });

  it('has one active relay, and another takes over', async () => {
    const first = await start();
    await eventually(() => first.relay.active);
    const second = await start();
    await second.accounts.change(newId(), 1);
    await second.messaging.idle();
    expect([first.relay.active, second.relay.active]).toEqual([true, false]);
    await first.close();
    await eventually(() => second.relay.active);
    await second.accounts.change(newId(), 1);
    await second.messaging.idle();
    expect(await streamed(second)).toBe(2);
  });

  it('takes over when the connection with the lock is lost', async () => {
    const world = await start();
    await eventually(() => world.relay.active);
    await world.db
      .query(sql`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'`)
      .catch(() => undefined);
    await world.accounts.change(newId(), 1);
    await world.messaging.idle();
    expect(await streamed(world)).toBe(1);
  });

  it('orders each aggregate by its sequence, not by the times of the rows', async () => {
    const world = await start();
    await world.relay.stop();
    const ids = [newId(), newId()];
    await world.db.transactional(async (em) => {
      for (const sequence of [3, 1, 2]) {
        for (const subject of ids) {
          world.outbox.add(em, {
            type: 'hierarchy.account.changed.v1',
            subject,
            sequence,
            data: { balance: sequence },
          });
        }
      }
    });
    await world.relay.drainOnce();
    const order: Record<string, number[]> = {};
    for (let seq = 1; seq <= 6; seq++) {
      const { subject, sequence } = (await world.messaging.jsm.streams.getMessage('HIERARCHY', { seq }))!.json<{
        subject: string;
        sequence: number;
      }>();
      (order[subject] ??= []).push(sequence);
    }
    expect(order).toEqual({ [ids[0]!]: [1, 2, 3], [ids[1]!]: [1, 2, 3] });
  });

  it('a refused row holds back its aggregate and no other', async () => {
    const world = await start();
    const [bad, good] = [newId(), newId()];
    await world.db.transactional(async (em) => {
      const type = 'hierarchy.account.changed.v1';
      world.outbox.add(em, { type, subject: bad, sequence: 1, data: { balance: 'x'.repeat(1024 * 1024) } });
      world.outbox.add(em, { type, subject: bad, sequence: 2, data: { balance: 2 } });
      world.outbox.add(em, { type, subject: good, sequence: 1, data: { balance: 1 } });
    });
    await eventually(async () => (await world.relay.unpublished()) === 2);
    await world.accounts.change(newId(), 1);
    await eventually(async () => (await streamed(world)) === 2);
    // A row is marked after the stream's ack.
    await eventually(async () => {
      const rows = await world.db.query(
        sql<{ subject: string }>`select subject from outbox where published_at is null`,
      );
      return rows.length === 2 && rows.every(({ subject }) => subject === bad);
    });
  });

  it('keeps facts while NATS is away and publishes them when it is back', async () => {
    const world = await start();
    await nats.stop();
    await world.accounts.change(newId(), 1);
    await world.accounts.change(newId(), 2);
    expect(await world.relay.unpublished()).toBe(2);
    await nats.start();
    await world.messaging.idle();
    expect(await streamed(world)).toBe(2);
  }, 30_000);

  it('cleans up what is old, in the outbox and in the inbox', async () => {
    const world = await start();
    await world.relay.stop();
    await world.db.query(sql`insert into outbox (id, type, subject, sequence, event, published_at)
      values (${newId()}, 't', 's', 1, '{}', now() - interval '8 days'), (${newId()}, 't', 's', 1, '{}', now() - interval '6 days')`);
    await world.db.query(
      sql`insert into inbox values ('c', 'old', now() - interval '36 days'), ('c', 'new', now() - interval '34 days')`,
    );
    const relay = new OutboxRelay(world.db.orm, 'hierarchy', world.app.get(Publisher));
    await relay.drainOnce();
    expect(await world.db.query(sql`select count(*)::int as n from outbox`)).toEqual([{ n: 1 }]);
    expect(await world.db.query(sql`select event_id from inbox`)).toEqual([{ event_id: 'new' }]);
  });
});

describe('the inbox', () => {
  it('handles a repeated event once, and names it as the cause of what follows', async () => {
    const world = await start({ listener: true });
    const listener = world.app.get(Listener);
    let cause: string | undefined;
    listener.before = () => void (cause = world.db.cause?.id);
    await world.accounts.change(newId(), 1);
    await world.messaging.idle();
    const [row] = await world.db.query(sql<{ id: string; event: string }>`select id, event from outbox`);
    expect(cause).toBe(row!.id);
    // Outside the stream's duplicate window the same event is a new message.
    await world.app
      .get(Publisher)
      .publishRaw('hierarchy.account.changed.v1', Buffer.from(row!.event), { msgId: newId() });
    await world.messaging.idle();
    expect(await streamed(world)).toBe(2);
    expect(await world.seen()).toHaveLength(1);
  });

  it('handles a fact in the trace of the request that caused it, and so what follows from it', async () => {
    const recorded = await recordSpans();
    try {
      const world = await start({ listener: true });
      world.app.get(Listener).after = () =>
        world.db.transactional(async (em) => {
          world.outbox.add(em, { type: 'hierarchy.account.echoed.v1', subject: newId(), sequence: 1, data: {} });
        });
      await span('request', () => world.accounts.change(newId(), 1));
      await world.messaging.idle();
      const [request] = recorded.spans.filter(({ name }) => name === 'request');
      const [consume] = recorded.spans.filter(({ name }) => name === 'consume hierarchy.account.changed.v1');
      expect(consume!.traceId).toBe(request!.traceId);
      const [echo] = await world.db.query(
        sql<{ traceparent: string }>`select traceparent from outbox where type like '%echoed%'`,
      );
      expect(echo!.traceparent.split('-')[1]).toBe(request!.traceId);
    } finally {
      await recorded.stop();
    }
  });

  it('lets one of two concurrent handlers of an event win', async () => {
    const world = await start();
    const inbox = world.app.get<InboxTransaction>(INBOX);
    const event = { id: newId(), type: 't' } as never;
    let calls = 0;
    const run = () => inbox.run('c', event, async () => void calls++);
    expect((await Promise.all([run(), run(), run()])).sort()).toEqual(['duplicate', 'duplicate', 'handled']);
    expect(calls).toBe(1);
  });

  it('forgets an event whose handler failed', async () => {
    const world = await start();
    const inbox = world.app.get<InboxTransaction>(INBOX);
    const event = { id: newId(), type: 't' } as never;
    await expect(inbox.run('c', event, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await inbox.run('c', event, async () => undefined)).toBe('handled');
  });

  it('a crash between commit and ack has one effect', async () => {
    const world = await start({ listener: true });
    const listener = world.app.get(Listener);
    // The connection is gone before the handler's transaction commits, so the commit happens and the ack does not.
    listener.after = () => world.crash();
    await world.accounts.change(newId(), 1);
    await eventually(async () => (await world.seen()).length === 1);
    await world.close();
    const after = await start({ listener: true });
    await after.messaging.idle();
    expect(await after.seen()).toHaveLength(1);
    const [{ delivered }] = [await after.messaging.jsm.consumers.info('HIERARCHY', 'hierarchy-listener')];
    expect(delivered.consumer_seq).toBeGreaterThan(1);
  });

  it('a crash in the middle of a handler has one effect, by the process that comes next', async () => {
    const world = await start({ listener: true });
    const begun = Promise.withResolvers<void>();
    const rolledBack = Promise.withResolvers<void>();
    world.app.get(Listener).after = async () => {
      begun.resolve();
      await rolledBack.promise;
      throw new Error('the process is gone');
    };
    await world.accounts.change(newId(), 1);
    await begun.promise;
    await world.crash();
    rolledBack.resolve();
    const after = await start({ listener: true });
    await after.messaging.idle();
    expect(await after.seen()).toHaveLength(1);
  });

  it('a replayed dead letter whose effect had happened has no second one', async () => {
    const world = await start({ listener: true });
    const listener = world.app.get(Listener);
    listener.before = () => {
      throw new AppError('conflict', 'not-now', 'Not now.');
    };
    await world.accounts.change(newId(), 1);
    await world.messaging.idle();
    const dead = world.app.get(DeadLetters);
    const [letter] = (await dead.list({ consumer: 'hierarchy-listener' })).items;
    listener.before = () => undefined;
    const inStream = (await world.messaging.jsm.streams.getMessage('HIERARCHY', { seq: 1 }))!;
    await world.app
      .get(Publisher)
      .publishRaw('replay.hierarchy-listener', inStream.data, { msgId: 'a person was faster' });
    await world.messaging.idle();
    await dead.replay(letter!.id);
    await world.messaging.idle();
    expect(await world.seen()).toHaveLength(1);
  });
});
