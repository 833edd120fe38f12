import { randomUUID } from 'node:crypto';
import { Db, migrate, openOrm, sql } from '@strowger/persistence';
import { servers, testDatabase } from '@strowger/testing';
import { recomputeLicenses } from '../licensing/recompute.js';
import { MIGRATIONS } from './index.js';
import { M20261120Hierarchy } from './m20261120-hierarchy.js';

it('keeps what was purchased and assigned before, and opens the ledger with it', async () => {
  await servers();
  const service = 'hierarchy';
  const { url: databaseUrl, drop } = await testDatabase(service, async (url) => {
    await migrate({ databaseUrl: url, service, migrations: [M20261120Hierarchy] });
  });
  const orm = await openOrm({ service, databaseUrl, poolSize: 2, entities: [] });
  const db = new Db(orm, service);
  try {
    const [provider, reseller, group, purchase] = Array.from({ length: 4 }, () => randomUUID());
    const users = Array.from({ length: 3 }, () => randomUUID());
    await db.query(sql`insert into system_provider (id, name, timezone, language, trial_duration_days, version, created_at)
      values (${provider}, 'P', 'UTC', 'en', 14, 1, now())`);
    await db.query(sql`insert into reseller (id, system_provider_id, key, name, kind, version, created_at)
      values (${reseller}, ${provider}, 'r', 'R', 'enterprise', 1, now())`);
    await db.query(sql`insert into reseller_group (id, system_provider_id, reseller_id, key, name, version, created_at)
      values (${group}, ${provider}, ${reseller}, 'g', 'G', 1, now())`);
    await db.query(sql`insert into license_purchase values
      (${purchase}, ${provider}, 'UnityDesktop', 'Pro', 7, 2, now(), now())`);
    for (const [at, user] of users.entries()) {
      await db.query(sql`insert into app_user (id, system_provider_id, reseller_id, group_id, broadworks_user_id,
          broadworks_user_key, name, version, created_at)
        values (${user}, ${provider}, ${reseller}, ${group}, ${user}, ${user}, 'U', 1, now())`);
      await db.query(sql`insert into license_assignment (id, user_id, system_provider_id, reseller_id, group_id,
          application, license_type, assigned_at, ended_at)
        values (${randomUUID()}, ${user}, ${provider}, ${reseller}, ${group}, 'UnityDesktop', 'Pro', now(),
          ${at === 0 ? new Date() : null})`);
    }
    await migrate({ databaseUrl, service, migrations: MIGRATIONS });

    expect(await recomputeLicenses(db)).toEqual([]);
    expect(await db.query(sql`select id, own, committed from license_pool`)).toEqual([
      { id: purchase, own: 7, committed: 2 },
    ]);
    expect(await db.query(sql`select pool_id, quantity, state, standing, ends_at from license_purchase`)).toEqual([
      { pool_id: purchase, quantity: 7, state: 'active', standing: true, ends_at: null },
    ]);
    expect(await db.query(sql`select node_id, level, quantity, drawn from license_share order by level`)).toEqual([
      { node_id: group, level: 'group', quantity: null, drawn: 2 },
      { node_id: reseller, level: 'reseller', quantity: null, drawn: 2 },
    ]);
  } finally {
    await orm.close();
    await drop();
  }
});
