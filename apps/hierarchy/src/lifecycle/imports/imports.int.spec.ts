import { hierarchyRpc as h, UserSavedV1, type ImportRowView, type ImportView } from '@strowger/contracts-hierarchy';
import { Timers } from '@strowger/jobs';
import { sql } from '@strowger/persistence';
import { refusal, scopeOf, startHierarchy, type World } from '../../hierarchy.fixtures.js';
import { ImportRunner } from './import-runner.service.js';

let world: World;
let systemProviderId: string;
beforeAll(async () => {
  world = await startHierarchy({ IMPORT_BATCH_ROWS: '3' });
});
afterAll(() => world?.stop());
beforeEach(async () => {
  systemProviderId = (await world.given.provider()).id;
});

const HEADER = 'resellerId,resellerName,groupId,groupName,broadworksUserId,userName';
const LICENSED = `${HEADER},applicationName,licenseType`;

async function receive(content: string, more: { dryRun?: boolean; parts?: number } = {}): Promise<ImportView> {
  const { parts = 1, dryRun } = more;
  const { id } = await world.call(h.startImport, { systemProviderId, fileName: 'users.csv', dryRun });
  const length = Math.ceil(content.length / parts);
  for (let number = 0; number < parts; number++)
    await world.call(h.addImportPart, { id, number, content: content.slice(number * length, (number + 1) * length) });
  return world.call(h.finishImport, { id, parts });
}
const worked = () => world.service.app.get(Timers).runNow('user-imports');
async function imported(content: string, more: Parameters<typeof receive>[1] = {}) {
  const { id } = await receive(content, more);
  await worked();
  const view = await world.call(h.getImport, { id });
  const { items } = await world.call(h.listImportRows, { id, limit: 200 });
  return { id, view, items };
}
const outcomes = (items: ImportRowView[]) =>
  items.map(({ row, result, code }) => [row, result, ...(code ? [code] : [])]);
const count = async (table: string): Promise<number> => {
  const [row] = await world.db.query(
    sql<{ n: number }>`select count(*)::int as n from ${sql.id(table)} where system_provider_id = ${systemProviderId}`,
  );
  return row!.n;
};
const usersNamed = (n: number, group = 'hq') =>
  Array.from({ length: n }, (_, i) => `acme,Acme,${group},HQ,u${i}-${group}@acme.example,User ${i}`);

describe('an import of users', () => {
  it('makes users and what is missing above them, and says how each row fared', async () => {
    const { view, items, id } = await imported(
      [
        '\uFEFF' + HEADER,
        'acme,"Acme, Inc.",hq,"Head ""Q""",Chris@acme.example,Chris Tutt',
        'acme,Other name,hq,,dana@acme.example,',
        '',
        'acme,,lab,Lab,eve@acme.example,Eve',
        'acme,,lab,,CHRIS@acme.example,Again',
        'acme,,hq,,chris@acme.example,Again',
        ',,hq,,x@acme.example,',
        `${'r'.repeat(31)},,hq,,x@acme.example,`,
        'acme,,hq,,no-domain,',
        'acme,,hq,, space@acme.example,',
        'acme,,hq',
      ].join('\r\n'),
    );
    expect(outcomes(items)).toEqual([
      [2, 'created'],
      [3, 'created'],
      [5, 'created'],
      [6, 'failed', 'USER_IN_OTHER_GROUP'],
      [7, 'kept'],
      [8, 'failed', 'PARAMETER_MISSING'],
      [9, 'failed', 'PARAMETER_INVALID'],
      [10, 'failed', 'PARAMETER_INVALID'],
      [11, 'failed', 'PARAMETER_INVALID'],
      [12, 'failed', 'PARAMETER_INVALID'],
    ]);
    expect(items[3]!.message).toContain("in the group 'hq' of the reseller 'acme'");
    expect(items[5]!.message).toBe('resellerId is missing.');
    expect(view).toEqual({
      id,
      systemProviderId,
      fileName: 'users.csv',
      dryRun: false,
      state: 'done',
      rows: 10,
      created: 3,
      kept: 1,
      failed: 6,
      createdAt: expect.any(String),
      finishedAt: expect.any(String),
    });
    expect([await count('reseller'), await count('reseller_group'), await count('app_user')]).toEqual([1, 2, 3]);
    const user = await world.call(h.getUser, { id: items[0]!.userId! });
    expect(user).toMatchObject({ broadworksUserId: 'Chris@acme.example', name: 'Chris Tutt' });
    expect(await world.call(h.getReseller, { id: user.resellerId })).toMatchObject({
      key: 'acme',
      name: 'Acme, Inc.',
      kind: 'service-provider',
    });
    expect(await world.call(h.getGroup, { id: user.groupId })).toMatchObject({ key: 'hq', name: 'Head "Q"' });
    expect(await world.facts(UserSavedV1, user.id)).toHaveLength(1);
    const { items: history } = await world.call(h.listHistory, { objectId: user.id });
    expect(history).toEqual([
      expect.objectContaining({
        action: 'created',
        actorName: 'Olga Operator',
        changes: expect.objectContaining({ importId: id }),
      }),
    ]);
    expect((await world.call(h.listHistory, { objectId: id })).items.map(({ action }) => action)).toEqual([
      'finished',
      'started',
    ]);
  });

  it('may be repeated: what was made is kept', async () => {
    const file = [HEADER, ...usersNamed(7)].join('\n');
    expect((await imported(file)).view).toMatchObject({ created: 7, kept: 0 });
    expect((await imported(file)).view).toMatchObject({ created: 0, kept: 7 });
    expect(await count('app_user')).toBe(7);
  });

  it('assigns licenses, several to a user too; a row whose license is refused does nothing at all', async () => {
    await world.given.purchase(systemProviderId, 'UnityDesktop', 'Pro', 2);
    await world.given.purchase(systemProviderId, 'UnityMobile', 'Standard', 9);
    const { items } = await imported(
      [
        LICENSED,
        'acme,,a,,one@acme.example,,UnityDesktop,Pro',
        'acme,,a,,one@acme.example,,UnityMobile,Standard',
        'acme,,a,,one@acme.example,,UnityDesktop,Pro',
        'acme,,a,,two@acme.example,,UnityDesktop,Pro',
        'acme,,b,,three@acme.example,,UnityDesktop,Pro',
        'acme,,a,,two@acme.example,,UnityDesktop,Premium',
        'acme,,a,,two@acme.example,,UnityDesktop,',
        'acme,,a,,four@acme.example,,,',
        'acme,,a,,four@acme.example,,UnityDesktop,Pro',
      ].join('\n'),
    );
    expect(outcomes(items)).toEqual([
      [2, 'created'],
      [3, 'kept'],
      [4, 'kept'],
      [5, 'created'],
      [6, 'failed', 'INSUFFICIENT_PROVIDER_LICENSES'],
      [7, 'failed', 'UNKNOWN_LICENSE_TYPE'],
      [8, 'failed', 'PARAMETER_MISSING'],
      [9, 'created'],
      [10, 'failed', 'INSUFFICIENT_PROVIDER_LICENSES'],
    ]);
    expect((await world.call(h.listUserLicenses, { id: items[0]!.userId! })).map((l) => l.application)).toEqual([
      'UnityDesktop',
      'UnityMobile',
    ]);
    // Neither the user of row 6 nor its group.
    expect([await count('reseller_group'), await count('app_user')]).toEqual([1, 3]);
  });

  it('run dry reports the same and does nothing, counting licenses over the whole file', async () => {
    await world.given.purchase(systemProviderId, 'UnityDesktop', 'Pro', 4);
    const file = [
      LICENSED,
      ...usersNamed(6).map((row) => `${row},UnityDesktop,Pro`),
      'acme,,lab,,u0-hq@acme.example,,,',
    ];
    const dry = await imported(file.join('\n'), { dryRun: true });
    expect(dry.view).toMatchObject({ dryRun: true, state: 'done', created: 4, failed: 3 });
    expect([await count('reseller'), await count('app_user')]).toEqual([0, 0]);
    expect(dry.items.every(({ userId }) => userId === undefined)).toBe(true);
    const real = await imported(file.join('\n'));
    expect(outcomes(real.items)).toEqual(outcomes(dry.items));
  });

  it('takes its file in parts that cut anywhere, repeats and all', async () => {
    const file = [HEADER, ...usersNamed(20)].join('\r\n');
    const { id } = await world.call(h.startImport, { id: world.newId(), systemProviderId });
    await world.call(h.startImport, { id, systemProviderId });
    const parts = [file.slice(0, 80), file.slice(80, 81), file.slice(81, 300), file.slice(300)];
    for (const [number, content] of parts.entries())
      for (let again = 0; again < 2; again++) await world.call(h.addImportPart, { id, number, content });
    for (const state of ['waiting', expect.any(String)])
      expect(await world.call(h.finishImport, { id, parts: parts.length })).toMatchObject({ id, state });
    await worked();
    expect(await world.call(h.getImport, { id })).toMatchObject({ state: 'done', created: 20 });
    expect(await refusal(world.call(h.addImportPart, { id, number: 9, content: 'x' }))).toMatchObject({
      code: 'import-not-open',
    });
  });

  it('of a file that is none says so at once, or where it could read no further', async () => {
    const { id } = await world.call(h.startImport, { systemProviderId });
    const part = (content: string) => refusal(world.call(h.addImportPart, { id, number: 0, content }));
    expect((await part('resellerId,groupId,userId\n')).message).toContain("none called 'userId'");
    expect((await part('resellerId,groupId\n')).message).toContain('Missing in the first row: broadworksUserId.');
    expect((await part('resellerId,groupId,groupId,broadworksUserId\n')).message).toContain('twice');
    expect((await part('')).code).toBe('import-unreadable');
    expect(await refusal(world.call(h.finishImport, { id, parts: 2 }))).toMatchObject({ code: 'import-incomplete' });
    const broken = await imported([HEADER, ...usersNamed(5), 'acme,,"hq,,x@acme.example,'].join('\n'));
    expect(broken.view).toMatchObject({ state: 'failed', rows: 0, created: 0 });
    expect(broken.view.problem).toBe("Row 7 can't be read: a quote that was opened there is never closed.");
    expect(await count('app_user')).toBe(0);
  });

  it('lists itself, its rows page by page, and only what failed if asked', async () => {
    const { id } = await imported([HEADER, ...usersNamed(5), ',,hq,,x@acme.example,'].join('\n'));
    const first = await world.call(h.listImportRows, { id, limit: 4 });
    const rest = await world.call(h.listImportRows, { id, limit: 4, cursor: first.nextCursor });
    expect([...first.items, ...rest.items].map(({ row }) => row)).toEqual([2, 3, 4, 5, 6, 7]);
    expect((await world.call(h.listImportRows, { id, state: 'failed' })).items.map(({ row }) => row)).toEqual([7]);
    const second = await receive(HEADER);
    const { items } = await world.call(h.listImports, { systemProviderId });
    expect(items.map((item) => item.id)).toEqual([second.id, id]);
  });

  it('is seen by its system provider and those above it only', async () => {
    const { id } = await imported([HEADER, ...usersNamed(1)].join('\n'));
    const other = await world.given.tree();
    expect(await world.call(h.getImport, { id }, scopeOf.provider(systemProviderId))).toMatchObject({ id });
    for (const scope of [scopeOf.provider(other.provider.id), scopeOf.reseller(other.reseller)]) {
      expect(await refusal(world.call(h.getImport, { id }, scope))).toMatchObject({ code: 'import-not-found' });
      expect(await refusal(world.call(h.startImport, { systemProviderId }, scope))).toMatchObject({
        kind: 'not-found',
      });
    }
  });
});

describe('an import that is interrupted', () => {
  it('goes on where it was, with nothing left out and nothing done twice', async () => {
    const runner = world.service.app.get(ImportRunner);
    const file = [HEADER, ...usersNamed(10)].join('\n');
    const { id } = await world.call(h.startImport, { systemProviderId });
    await world.call(h.addImportPart, { id, number: 0, content: file });
    await world.db.query(sql`update user_import set state = 'waiting' where id = ${id}`);
    // The database sees no difference between a process that dies and a connection that breaks in the middle.
    for (let deaths = 0; deaths < 4; deaths++) {
      await runner.step();
      await expect(
        world.db.transactional(async () => {
          await runner.step();
          throw new Error('died');
        }),
      ).rejects.toThrow('died');
    }
    await worked();
    expect(await world.call(h.getImport, { id })).toMatchObject({ state: 'done', rows: 10, created: 10, kept: 0 });
    expect(await count('app_user')).toBe(10);
    const [facts] = await world.db.query(sql<{ n: number }>`
      select count(*)::int as n from outbox where type = ${UserSavedV1.type} and tenant_id = ${systemProviderId}`);
    expect(facts!.n).toBe(10);
  });

  it('is worked by one at a time, and does each row once', async () => {
    const runner = world.service.app.get(ImportRunner);
    const { id } = await receive([HEADER, ...usersNamed(30)].join('\n'));
    const all = async (): Promise<void> => {
      while ((await world.call(h.getImport, { id })).state !== 'done') await runner.step();
    };
    await Promise.all([all(), all(), all(), worked()]);
    expect(await world.call(h.getImport, { id })).toMatchObject({ rows: 30, created: 30, kept: 0, failed: 0 });
  });

  it('and canceled keeps what was done', async () => {
    const runner = world.service.app.get(ImportRunner);
    const { id } = await world.call(h.startImport, { systemProviderId });
    await world.call(h.addImportPart, { id, number: 0, content: [HEADER, ...usersNamed(9)].join('\n') });
    await world.db.query(sql`update user_import set state = 'waiting' where id = ${id}`);
    await runner.step();
    await runner.step();
    expect(await world.call(h.cancelImport, { id })).toMatchObject({ state: 'cancelled', created: 3 });
    await worked();
    expect(await count('app_user')).toBe(3);
    expect(await refusal(world.call(h.cancelImport, { id }))).toMatchObject({ code: 'import-over' });
  });

  it('by a row that breaks us goes on without it', async () => {
    await world.db.query(sql`
      create function break_import() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$`);
    await world.db.query(sql`
      create trigger break_import before insert on app_user for each row when (new.name = 'User 4')
      execute function break_import()`);
    const { view, items } = await imported([HEADER, ...usersNamed(10)].join('\n'));
    await world.db.query(sql`drop trigger break_import on app_user`);
    expect(view).toMatchObject({ state: 'done', created: 9, failed: 1 });
    expect(items[4]).toMatchObject({ row: 6, result: 'failed', code: 'INTERNAL' });
  });

  it('before its file was there is closed after an hour; an old one goes altogether', async () => {
    const open = await world.call(h.startImport, { systemProviderId });
    const { id } = await imported([HEADER, ...usersNamed(1)].join('\n'));
    world.clock.advance(2 * 3_600_000);
    await worked();
    expect(await world.call(h.getImport, { id: open.id })).toMatchObject({
      state: 'failed',
      problem: expect.any(String),
    });
    world.clock.advance(31 * 86_400_000);
    await worked();
    expect(await refusal(world.call(h.getImport, { id }))).toMatchObject({ code: 'import-not-found' });
  });
});
