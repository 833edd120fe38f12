import type { PortalApi } from '@strowger/api-client';
import {
  hierarchyRpc,
  type GroupView,
  type InterfaceUserWithPassword,
  type ResellerView,
  type SystemProviderView,
} from '@strowger/contracts-hierarchy';
import { newId, PLATFORM_SCOPE, type Page } from '@strowger/kernel';
import { Rpc } from '@strowger/rpc';
import { inDatabase, withClient } from '../../setup/database.ts';
import type { Bench } from './bench.js';
import { watchCpu } from './cpu.js';
import { quantile } from './http-load.js';
import { SOAP_FLOOR_PATH } from './requests.js';
import { HOST_NAME, inParallel } from './tenant.js';

const SOAP_PATH = '/KakapoProvision/ProvisionV3.asmx';
const SOAP_CONNECTIONS = 96;
const AT_ONCE = 32;
/** As many as hierarchy has connections to its database. */
const DATABASE_CONNECTIONS = 10;
/** Without messaging: what routing does with the news of an entitlement would share the two cores. */
const PRODUCT = { application: 'UnityWallboard', licenseType: 'Standard' };
const PAGES = 200;

/** AddUserLicense, which the user has already, and GetUserLicenses in turns, against Fastify answering a constant envelope. */
export async function measureSoap(bench: Bench): Promise<void> {
  const { sizes, report, stack, tenant, load } = bench;
  const userName = `bench-${bench.run}`;
  const { password } = await tenant.operator.post<InterfaceUserWithPassword>(
    `/v1/system-providers/${tenant.providerId}/interface-users`,
    { userName, email: 'soap@bench.example', addresses: [{ address: '127.0.0.1' }, { address: '::1' }] },
  );
  if (!password) throw new Error('no password was made for the interface user');
  const order = {
    connections: SOAP_CONNECTIONS,
    firstSequence: 0,
    warmUpMs: sizes.warmUpMs,
    durationMs: sizes.measureMs,
  };
  const plan = {
    kind: 'soap' as const,
    namespace: 'http://strowger.dev/provision/',
    login: { userName, password },
    serverHostName: HOST_NAME,
    users: tenant.users.map(({ broadworksUserId }) => broadworksUserId),
  };
  const floor = await load.run({
    ...order,
    port: await bench.floorPort(),
    plan: { ...plan, path: SOAP_FLOOR_PATH },
  });
  const cpu = watchCpu(stack);
  const ours = await load.run({
    ...order,
    port: Number(new URL(stack.urls.gatewayUrl).port),
    plan: { ...plan, path: SOAP_PATH },
  });
  const used = cpu();
  for (const [name, { refused, broken, refusal }] of Object.entries({ floor, ours }))
    if (refused + broken > 0) report.fail(`soap.call: ${name}: ${refused} refused, ${broken} broken. ${refusal ?? ''}`);
  report.add(
    'soap.call',
    'calls/s',
    ours.perSecond,
    floor.perSecond,
    { connections: SOAP_CONNECTIONS, p50: ours.p50Ms, p99: ours.p99Ms, cpu: used.text },
    { of: 'ratio', least: 0.35 },
  );
}

/** Users with everything above them, made through REST, against the bare inserts; answers the users' ids. */
export async function measureEnsurePath(bench: Bench): Promise<string[]> {
  const { sizes, report, stack, tenant } = bench;
  const count = sizes.paths;
  const cpu = watchCpu(stack);
  const startedAt = performance.now();
  const ids = await inParallel(count, AT_ONCE, async (i) => {
    const { user } = await tenant.admin.put<{ user: { id: string } }>(
      `/v1/system-providers/${tenant.providerId}/paths`,
      {
        reseller: { key: `path-${i % 20}` },
        group: { key: `path-${i % 100}` },
        user: { broadworksUserId: `path-${i}@bench.example`, name: `Path ${i}` },
      },
    );
    return user.id;
  });
  const perSecond = (count / (performance.now() - startedAt)) * 1000;
  const used = cpu();
  const floor = await bareTransactions(bench, count, async (query, i) => {
    await query('insert into bench.reseller values ($1) on conflict do nothing', [`path-${i % 20}`]);
    await query('insert into bench.reseller_group values ($1) on conflict do nothing', [`path-${i % 100}`]);
    await query('insert into bench.app_user values ($1, $2) on conflict do nothing', [newId(), `path-${i}`]);
  });
  report.add('hierarchy.ensure-path', 'users/s', perSecond, floor, { users: count, cpu: used.text });
  return ids;
}

/** Different users, one product: every one of them waits for the same row, so this is what one lock lets through. */
export async function measureAssigning(bench: Bench, userIds: string[]): Promise<void> {
  const { report, stack, tenant } = bench;
  const { application, licenseType } = PRODUCT;
  await tenant.operator.put(`/v1/system-providers/${tenant.providerId}/purchases/${application}/${licenseType}`, {
    quantity: userIds.length,
  });
  const rpc = await Rpc.connect({ natsUrl: stack.urls.natsUrl, name: 'bench' });
  try {
    const actor = { kind: 'system' as const, id: 'bench', name: 'bench' };
    const cpu = watchCpu(stack);
    const startedAt = performance.now();
    await inParallel(userIds.length, AT_ONCE, (i) =>
      rpc.call(hierarchyRpc.assignLicense, {
        scope: PLATFORM_SCOPE,
        actor,
        body: { userId: userIds[i]!, ...PRODUCT },
      }),
    );
    const perSecond = (userIds.length / (performance.now() - startedAt)) * 1000;
    const used = cpu();
    const floor = await bareTransactions(bench, userIds.length, async (query, i) => {
      await query('select used from bench.pool for update');
      await query('insert into bench.seat values ($1, $2)', [newId(), userIds[i]]);
      await query('update bench.pool set used = used + 1');
    });
    report.add(
      'license.assign',
      'assignments/s',
      perSecond,
      floor,
      { assignments: userIds.length, cpu: used.text },
      { of: 'ratio', least: 0.6 },
    );
  } finally {
    await rpc.close();
  }
}

/** One page of users after the other, where there are many and where there are few. */
export async function measureListing(bench: Bench): Promise<void> {
  const { sizes, report, tenant } = bench;
  // Search is not what is measured, and its index would take most of the time of filling the table.
  await tenant.sql('drop index if exists hierarchy.app_user_search');
  const few = await filled(bench, sizes.listed.few);
  const many = await filled(bench, sizes.listed.many);
  await tenant.sql('vacuum analyze hierarchy.app_user');
  const [fewMs, manyMs] = [[], []] as [number[], number[]];
  const [walkFew, walkMany] = [pages(tenant.operator, few), pages(tenant.operator, many)];
  for (let page = 0; page < PAGES; page++) {
    fewMs.push((await walkFew.next()).value);
    manyMs.push((await walkMany.next()).value);
  }
  const median = (values: number[]): number => quantile(Float64Array.from(values).sort(), 0.5);
  report.add(
    'hierarchy.list',
    'ms',
    median(manyMs),
    median(fewMs),
    { users: sizes.listed.many, fewUsers: sizes.listed.few, page: 50 },
    { of: 'ratio', most: 1.5 },
  );
}

/** Milliseconds of page after page, from the start again after the last. */
async function* pages(api: PortalApi, groupId: string): AsyncGenerator<number, never> {
  for (let cursor: string | undefined; ;) {
    const startedAt = performance.now();
    const page = await api.get<Page<unknown>>(
      `/v1/groups/${groupId}/users?limit=50${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    const ms = performance.now() - startedAt;
    if (page.items.length !== 50) throw new Error(`a page has ${page.items.length} users instead of 50`);
    cursor = page.nextCursor ?? undefined;
    yield ms;
  }
}

/** A group with so many users, straight into the table. */
async function filled({ tenant }: Bench, count: number): Promise<string> {
  const { operator } = tenant;
  const provider = await operator.post<SystemProviderView>('/v1/system-providers', { name: `Bench ${count}` });
  const reseller = await operator.post<ResellerView>(`/v1/system-providers/${provider.id}/resellers`, {
    key: 'list',
    name: 'List',
    kind: 'enterprise',
  });
  const group = await operator.post<GroupView>(`/v1/resellers/${reseller.id}/groups`, { key: 'list', name: 'List' });
  await tenant.sql(
    `insert into hierarchy.app_user (id, system_provider_id, reseller_id, group_id, broadworks_user_id, broadworks_user_key, name, version, created_at)
     select gen_random_uuid(), $1, $2, $3, 'u' || i || '@' || $4::text, 'u' || i || '@' || $4::text, 'User ' || lpad(i::text, 7, '0'), 1, now()
     from generate_series(1, $5::int) i`,
    [provider.id, reseller.id, group.id, `list-${count}.example`, count],
  );
  return group.id;
}

type Query = (text: string, values?: unknown[]) => Promise<unknown>;

/** What the database alone does of a thing, on as many connections as hierarchy has. Answers how many a second. */
async function bareTransactions(
  { tenant, stack }: Bench,
  count: number,
  work: (query: Query, index: number) => Promise<void>,
): Promise<number> {
  await tenant.sql(`
    drop schema if exists bench cascade;
    create schema bench;
    create table bench.pool (used int not null);
    insert into bench.pool values (0);
    create table bench.seat (id uuid primary key, user_id uuid not null unique);
    create table bench.reseller (key text primary key);
    create table bench.reseller_group (key text primary key);
    create table bench.app_user (id uuid primary key, key text not null unique);
  `);
  const url = inDatabase(stack.urls.postgresUrl, 'strowger');
  let next = 0;
  let startedAt = 0;
  let ready = 0;
  const all = Promise.withResolvers<void>();
  await Promise.all(
    Array.from({ length: DATABASE_CONNECTIONS }, () =>
      withClient(url, async (client) => {
        if (++ready === DATABASE_CONNECTIONS) {
          startedAt = performance.now();
          all.resolve();
        }
        await all.promise;
        const query: Query = (text, values) => client.query(text, values);
        while (next < count) {
          const index = next++;
          await query('begin');
          await work(query, index);
          await query('commit');
        }
      }),
    ),
  );
  return (count / (performance.now() - startedAt)) * 1000;
}
