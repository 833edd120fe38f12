import { Injectable } from '@nestjs/common';
import { loadConfig, ServiceConfig } from '@strowger/config';
import {
  hierarchyRpc,
  type AddImportPart,
  type FinishImport,
  type ImportRowView,
  type ImportView,
  type ListImportRows,
  type StartImport,
} from '@strowger/contracts-hierarchy';
import { startService, type RunningService } from '@strowger/http';
import { NotFound, newId, type Page, type RpcRequest } from '@strowger/kernel';
import { Answers } from '@strowger/rpc';
import { startWorld, type World } from '../gateway.fixtures.js';
import { mayNameLicenses, partsOf } from './user-imports.js';

/** Stands for hierarchy: keeps what it is sent. */
@Injectable()
class Imports {
  static started: StartImport[] = [];
  static parts: AddImportPart[] = [];
  static rows: ImportRowView[] = [];

  @Answers(hierarchyRpc.startImport)
  async start({ body }: RpcRequest<StartImport>): Promise<ImportView> {
    Imports.started.push({ ...body });
    return viewOf(body.id!);
  }
  @Answers(hierarchyRpc.addImportPart)
  async part({ body }: RpcRequest<AddImportPart>): Promise<null> {
    Imports.parts.push(body);
    return null;
  }
  @Answers(hierarchyRpc.finishImport)
  async finish({ body }: RpcRequest<FinishImport>): Promise<ImportView> {
    return viewOf(body.id);
  }
  @Answers(hierarchyRpc.getImport)
  async get({ body }: RpcRequest<{ id: string }>): Promise<ImportView> {
    if (Imports.rows.length === 0) throw new NotFound('import', body.id);
    return viewOf(body.id);
  }
  @Answers(hierarchyRpc.listImportRows)
  async list({ body: { cursor, limit, state } }: RpcRequest<ListImportRows>): Promise<Page<ImportRowView>> {
    const from = Number(cursor ?? 0);
    const all = Imports.rows.filter(({ result }) => !state || result === state);
    const nextCursor = from + limit! < all.length ? String(from + limit!) : undefined;
    return { items: all.slice(from, from + limit!), ...(nextCursor ? { nextCursor } : {}) };
  }
}
const viewOf = (id: string) => ({ id, state: 'waiting', rows: 0 }) as ImportView;
const rowOf = (row: number, more: Partial<ImportRowView> = {}): ImportRowView => ({
  row,
  result: 'created',
  resellerId: 'acme',
  resellerName: '',
  groupId: 'hq',
  groupName: '',
  broadworksUserId: `u${row}@acme.example`,
  userName: '',
  applicationName: '',
  licenseType: '',
  ...more,
});

let world: World;
let behind: RunningService;
beforeAll(async () => {
  world = await startWorld({ IMPORT_MAX_BYTES: '2000000' });
  class BehindConfig extends ServiceConfig {}
  const env = {
    STROWGER_MODE: 'test',
    NATS_URL: world.nats.url,
    OPS_PORT: '0',
    OPS_HOST: '127.0.0.1',
    LOG_LEVEL: 'error',
  };
  behind = await startService({
    name: 'imports-behind',
    module: { module: class {}, providers: [Imports] },
    config: loadConfig(BehindConfig, env),
  });
  await behind.rpcReady;
});
afterAll(async () => {
  await behind?.close();
  await world?.close();
});
beforeEach(() => Object.assign(Imports, { started: [], parts: [], rows: [] }));

const send = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}, query = '') =>
  fetch(`${world.url}/v1/system-providers/${world.user.systemProviderId}/imports${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.adminToken}`, 'content-type': 'text/csv', ...headers },
    body,
  });

describe('a file of users', () => {
  it('goes to hierarchy in parts that fit a message, whole and in order', async () => {
    const file = `\uFEFFresellerId,groupId,broadworksUserId\r\n${'"Ä😀\n",x,\t\n'.repeat(120_000)}`;
    const answer = await send(file, {}, '?dryRun=true&fileName=users.csv');
    expect(answer.status).toBe(202);
    const { id } = (await answer.json()) as ImportView;
    expect(answer.headers.get('location')).toBe(`/v1/imports/${id}`);
    expect(Imports.started).toEqual([
      { id, systemProviderId: world.user.systemProviderId, dryRun: true, fileName: 'users.csv' },
    ]);
    expect(Imports.parts.length).toBeGreaterThan(5);
    expect(Imports.parts.map(({ number }) => number)).toEqual([...Imports.parts.keys()]);
    expect(Imports.parts.map(({ content }) => content).join('') === file).toBe(true);
  });

  it('is sent once under an Idempotency-Key; another file under it is refused', async () => {
    const key = { 'idempotency-key': newId() };
    const first = await (await send('a', key)).json();
    expect(await (await send('a', key)).json()).toEqual(first);
    expect(Imports.started).toHaveLength(1);
    expect((await send('b', key)).status).toBe(422);
  });

  it('that is too large, no UTF-8, no text or no CSV is refused, and nothing is sent on', async () => {
    const refused = [
      [await send('x'.repeat(2_000_001)), 413],
      [await send(new Uint8Array([0x61, 0xe9, 0x2c])), 400],
      [await send(new Uint8Array([0xff, 0xfe, 0x61, 0x00])), 400],
      [await send('a\0b'), 400],
      [await send('{}', { 'content-type': 'application/json' }), 415],
      [await send('a', {}, '?dryRun=perhaps'), 400],
      [await send('a', { authorization: 'Bearer nobody' }), 401],
      [await send('a', { authorization: `Bearer ${world.clientToken}` }), 403],
    ] as const;
    expect(refused.map(([answer]) => answer.status)).toEqual(refused.map(([, status]) => status));
    for (const [answer] of refused) expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(Imports.started).toEqual([]);
  });
});

describe('results', () => {
  const read = (query = '') => world.request('GET', `/v1/imports/${newId()}/results.csv${query}`, world.adminToken);

  it('come as CSV, however many pages they are', async () => {
    Imports.rows = Array.from({ length: 450 }, (_, i) => rowOf(i + 2));
    Imports.rows[1] = rowOf(3, {
      result: 'failed',
      code: 'USER_IN_OTHER_GROUP',
      message: 'Say "no", please',
      userName: 'A\nB',
    });
    const answer = await read();
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const lines = (await answer.text()).split('\r\n');
    expect(lines).toHaveLength(452);
    expect(lines.slice(0, 3)).toEqual([
      'row,result,code,message,resellerId,resellerName,groupId,groupName,broadworksUserId,userName,applicationName,licenseType',
      '2,created,,,acme,,hq,,u2@acme.example,,,',
      '3,failed,USER_IN_OTHER_GROUP,"Say ""no"", please",acme,,hq,,u3@acme.example,"A\nB",,',
    ]);
    expect((await (await read('?state=failed')).text()).split('\r\n')).toHaveLength(3);
  });

  it('of no import, or asked for wrongly, are a problem', async () => {
    expect((await read()).status).toBe(404);
    expect((await read('?state=green')).status).toBe(400);
  });
});

it.each([
  'resellerId,ApplicationName,licenseType\r\n',
  `resellerId,"${' '.repeat(3000)}applicationName"\r\n`,
  '"\r\nresellerId","\nlicenseType"\r\n',
])('licenses are found wherever the first row hides them: %j', (text) => {
  expect(mayNameLicenses(text)).toBe(true);
  expect(mayNameLicenses('resellerId,groupId,broadworksUserId\r\n')).toBe(false);
});

it('parts never cut a character', () => {
  const text = '😀'.repeat(10);
  const parts = [...partsOf(text, 5)];
  expect(parts.every((part) => part.isWellFormed())).toBe(true);
  expect(parts.join('')).toBe(text);
});
