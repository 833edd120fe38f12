import { until } from '@strowger/api-client';
import { IMPORT_COLUMNS, type ImportRowView, type ImportView, type UserView } from '@strowger/contracts-hierarchy';
import type { Page } from '@strowger/kernel';
import { AGENT, PRO, Provisioned } from './provisioning.fixtures.js';
import { e2e, MINUTES, persist, type E2e } from './world.fixtures.js';

/** Small batches and quick answers, so that a death finds work under way. */
const stack = e2e('provisioning-faults', 22_500, () => ({
  hierarchy: { IMPORT_BATCH_ROWS: 40 },
  gateway: { PROVISION_SOAP_CALL_SECONDS: 3 },
}));
const USERS = 3000;
/** Every fourth user comes with a license; there are fewer than that. */
const LICENSED = USERS / 4;
const SEATS = LICENSED - 50;
const CALLERS = 300;
const LANES = 20;
const MOBILE = { applicationName: 'UnityMobile', licenseType: 'Standard' };

let its: Provisioned;

/**
 * Users of three resellers with four groups each, then some rows once more as somebody who is not sure would send them,
 * some that cannot be, and a last one that only works on what the first rows made.
 */
function fileOf(tag: string): { csv: string; rows: number } {
  const row = (at: number, group = at % 4): string => {
    const licensed = at % 4 === 0 ? `${PRO.applicationName},${PRO.licenseType}` : ',';
    return `${tag}-${at % 3},Reseller ${at % 3},g${group},,u${at}@${tag}.example,User ${at},${licensed}`;
  };
  const rows = [
    ...Array.from({ length: USERS }, (_, at) => row(at)),
    ...Array.from({ length: REPEATED }, (_, at) => row(at * 7 + 1)),
    ...Array.from({ length: IMPOSSIBLE }, (_, at) => row(at * 3 + 1, 9)),
  ];
  return { csv: [IMPORT_COLUMNS.join(','), ...rows].join('\r\n'), rows: rows.length };
}
const REPEATED = 60;
const IMPOSSIBLE = 20;

async function importUsers(tag: string): Promise<ImportView> {
  const { csv } = fileOf(tag);
  const response = await fetch(`${stack.world.addresses.gatewayUrl}${its.provider}/imports?fileName=${tag}.csv`, {
    method: 'POST',
    headers: { authorization: `Bearer ${its.admin.token}`, 'content-type': 'text/csv' },
    body: csv,
  });
  if (response.status !== 202) throw new Error(`The import: ${response.status} ${await response.text()}`);
  return (await response.json()) as ImportView;
}

const seen = (id: string): Promise<ImportView> => persist(() => its.admin.get<ImportView>(`/v1/imports/${id}`));

/** Rows are done, and more are to come. */
async function underWay(id: string): Promise<void> {
  await until(
    'the import being under way',
    async () => {
      const { state, rows, created } = await seen(id);
      if (state === 'done') throw new Error('The import was over before anything could happen to it.');
      return rows > 0 && created > USERS / 10;
    },
    MINUTES,
  );
}

/** Every row was done exactly once, whatever happened in between; the same everywhere that knows of users. */
async function allOnce(world: E2e, tag: string, id: string, diedAt: number): Promise<void> {
  const over = await until(
    'the end of the import',
    async () => {
      const now = await seen(id);
      return now.finishedAt !== undefined && now;
    },
    3 * MINUTES,
  );
  // It did die in the middle.
  expect(Date.parse(over.finishedAt!)).toBeGreaterThan(diedAt);
  const rows = fileOf(tag).rows;
  expect(over).toMatchObject({
    ...{ state: 'done', rows, created: USERS - (LICENSED - SEATS), kept: REPEATED },
    failed: LICENSED - SEATS + IMPOSSIBLE,
  });
  const users = `from hierarchy.app_user where broadworks_user_id like 'u%@${tag}.example' and ended_at is null`;
  const twice = async (what: string): Promise<unknown> => (await world.sql(what)).slice(0, 5);
  expect(await world.sql(`select count(*)::int as n ${users}`)).toEqual([{ n: over.created }]);
  expect(await twice(`select broadworks_user_key ${users} group by 1 having count(*) > 1`)).toEqual([]);
  expect(
    await twice(
      `select object_id from hierarchy.history_entry where action = 'created' and object_kind in ('user', 'reseller', 'group')
       group by 1 having count(*) > 1`,
    ),
  ).toEqual([]);
  expect(
    await world.sql(
      `select count(*)::int as n, count(distinct user_id)::int as users from hierarchy.license_assignment
       where ended_at is null and user_id in (select id ${users})`,
    ),
  ).toEqual([{ n: SEATS, users: SEATS }]);
  expect(await world.sql(`select count(*)::int as n from hierarchy.reseller where key like '${tag}-%'`)).toEqual([
    { n: 3 },
  ]);
  // A row says what happened to it, in its place in the file.
  const { items } = await its.admin.get<Page<ImportRowView>>(`/v1/imports/${id}/rows?state=failed&limit=200`);
  const codes = items.map(({ code }) => code);
  expect(codes.filter((code) => code === 'INSUFFICIENT_PROVIDER_LICENSES')).toHaveLength(LICENSED - SEATS);
  expect(codes.filter((code) => code === 'USER_IN_OTHER_GROUP')).toHaveLength(IMPOSSIBLE);
  const knownToRouting = `select count(*)::int as n from routing.user_place where user_id in (select id ${users})`;
  await until(
    'routing knowing them all',
    async () => (await world.sql(knownToRouting))[0]!['n'] === over.created,
    2 * MINUTES,
  );
  expect(await world.licenseDifferences()).toEqual([]);
}

describe('a bulk import', () => {
  beforeAll(async () => {
    await stack.world.settleIn({ number: false });
    its = await Provisioned.enter(stack.world);
  }, 3 * MINUTES);

  stack.holds(
    'goes on by itself after its service was killed in the middle, and does every row once',
    async (world) => {
      const { used } = await its.pool(PRO);
      await its.purchase(PRO, used + SEATS);
      const { id } = await importUsers('killed');
      await underWay(id);
      await world.stack.kill9('hierarchy');
      const diedAt = Date.now();
      await world.stack.startService('hierarchy');
      await allOnce(world, 'killed', id, diedAt);
    },
    5 * MINUTES,
  );

  stack.holds(
    'goes on by itself after the database was killed in the middle, and does every row once',
    async (world) => {
      const { used } = await its.pool(PRO);
      await its.purchase(PRO, used + SEATS);
      const { id } = await importUsers('crashed');
      await underWay(id);
      await world.server('PostgreSQL').kill9();
      const diedAt = Date.now();
      await world.server('PostgreSQL').start();
      await allOnce(world, 'crashed', id, diedAt);
      await world.booksAgree();
    },
    5 * MINUTES,
  );
});

const DEATHS = [
  [
    'the service dies',
    AGENT,
    async (world: E2e) => {
      await world.stack.kill9('hierarchy');
      await world.stack.startService('hierarchy');
    },
  ],
  [
    'the database dies',
    MOBILE,
    async (world: E2e) => {
      await world.server('PostgreSQL').kill9();
      await world.server('PostgreSQL').start();
    },
  ],
] as const;

describe('licenses being assigned', () => {
  for (const [when, product, die] of DEATHS)
    stack.holds(
      `while ${when} are there once for each who asks until there is an answer`,
      async (world) => {
        await its.purchase(product, CALLERS);
        const waiting = await someUsers();
        expect(waiting).toHaveLength(CALLERS);
        const progress = { done: 0, unanswered: 0 };
        const lanes = Array.from({ length: LANES }, async () => {
          for (let user = waiting.shift(); user; user = waiting.shift()) {
            await assigned({ ...user, ...product }, progress);
            progress.done += 1;
          }
        });
        const all = Promise.all(lanes);
        await Promise.race([all, until('some being assigned', async () => progress.done >= CALLERS / 6, MINUTES)]);
        expect(progress.done).toBeLessThan(CALLERS);
        await die(world);
        await all;
        // It did die under them.
        expect(progress.unanswered).toBeGreaterThan(0);
        expect(
          await world.sql(
            `select count(*)::int as n, count(distinct a.user_id)::int as users from hierarchy.license_assignment a
             join hierarchy.license_pool p on p.id = a.pool_id where p.application = '${product.applicationName}'
             and p.license_type = '${product.licenseType}' and a.ended_at is null`,
          ),
        ).toEqual([{ n: CALLERS, users: CALLERS }]);
        expect(await its.pool(product)).toMatchObject({ purchased: CALLERS, used: CALLERS, free: 0 });
        expect(await world.licenseDifferences()).toEqual([]);
        await world.booksAgree();
      },
      5 * MINUTES,
    );
});

/** Those of the imports. */
async function someUsers() {
  const found = async (search: string, limit: number): Promise<UserView[]> =>
    (await its.admin.get<Page<UserView>>(`/v1/users?search=@${search}.example&limit=${limit}`)).items;
  const users = [...(await found('killed', 200)), ...(await found('crashed', CALLERS - 200))];
  return Promise.all(users.map(keysOf));
}

/** How the back office names the user. */
async function keysOf({ resellerId, groupId, broadworksUserId }: UserView) {
  const key = async (path: string): Promise<string> => (await its.admin.get<{ key: string }>(path)).key;
  const [reseller, group] = await Promise.all([key(`/v1/resellers/${resellerId}`), key(`/v1/groups/${groupId}`)]);
  return { resellerId: reseller, groupId: group, broadworksUserId };
}

/** As a back office does: the same call again until there is an answer. */
async function assigned(call: Record<string, string>, progress: { unanswered: number }): Promise<void> {
  await until(
    'a license',
    async () => {
      const reply = await its.backOffice.call('AddUserLicense', call).catch(() => undefined);
      if (reply?.success) return true;
      // A verdict would not change by asking again.
      if (reply?.errorCode && reply.errorCode !== 'CONFLICT') throw new Error(reply.text);
      progress.unanswered += 1;
      return false;
    },
    MINUTES,
  );
}
