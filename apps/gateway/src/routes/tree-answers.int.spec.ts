import { Injectable } from '@nestjs/common';
import { loadConfig, ServiceConfig } from '@strowger/config';
import {
  hierarchyRpc,
  type DeletionPreview,
  type DeletionView,
  type SearchHit,
  type SearchTree,
} from '@strowger/contracts-hierarchy';
import {
  provisioningRpc,
  type ListNumbers,
  type NumbersUnder,
  type NumberView,
  type OperationView,
} from '@strowger/contracts-provisioning';
import { routingRpc, type QueuesUnder } from '@strowger/contracts-routing';
import { startService, type RunningService } from '@strowger/http';
import { newId, NotFound, type Page, type RpcRequest } from '@strowger/kernel';
import { Answers } from '@strowger/rpc';
import { startWorld, type World } from '../gateway.fixtures.js';

type ById = RpcRequest<{ id: string }>;
const AT = '2026-11-20T09:30:00.000Z';

/** Stands for the three services that know a part each. */
@Injectable()
class Services {
  static deleted?: string;
  static numbers = 0;
  static found: SearchHit[] = [];
  static e164: string[] = [];

  @Answers(hierarchyRpc.deleteGroup)
  async delete({ body: { id } }: ById): Promise<DeletionView> {
    Services.deleted = id;
    return { id, level: 'group', systemProviderId: newId(), deletedAt: AT };
  }
  @Answers(hierarchyRpc.getDeletion)
  async deletion({ body: { id } }: ById): Promise<DeletionView> {
    if (id !== Services.deleted) throw new NotFound('operation', id);
    return { id, level: 'group', systemProviderId: newId(), deletedAt: AT };
  }
  @Answers(hierarchyRpc.previewGroupDeletion)
  async preview({ body: { id } }: ById): Promise<DeletionPreview> {
    return { level: 'group', id, name: 'HQ', groups: 1, users: 12, licenses: 9, portalUsers: 1 };
  }
  @Answers(hierarchyRpc.searchTree)
  async search({ body: { limit = 50, cursor } }: RpcRequest<SearchTree>): Promise<Page<SearchHit>> {
    const from = Number(cursor ?? 0);
    const more = from + limit < Services.found.length;
    return { items: Services.found.slice(from, from + limit), ...(more ? { nextCursor: String(from + limit) } : {}) };
  }
  @Answers(provisioningRpc.getOperation)
  async operation({ body: { id } }: ById): Promise<OperationView> {
    throw new NotFound('operation', id);
  }
  @Answers(provisioningRpc.countNumbersUnder)
  async numbers({ body: { level, id } }: RpcRequest<{ level: string; id: string }>): Promise<NumbersUnder> {
    return { count: level === 'group' && id ? Services.numbers : -1 } as NumbersUnder;
  }
  @Answers(provisioningRpc.listNumbers)
  async list({ body: { limit = 50, cursor } }: RpcRequest<ListNumbers>): Promise<Page<NumberView>> {
    const from = Number(cursor ?? 0);
    const more = from + limit < Services.e164.length;
    const items = Services.e164.slice(from, from + limit).map((e164): NumberView => ({ ...numberOf(e164) }));
    return { items, ...(more ? { nextCursor: String(from + limit) } : {}) };
  }
  @Answers(routingRpc.countQueuesUnder)
  async queues(): Promise<QueuesUnder> {
    return { count: 2 } as QueuesUnder;
  }
}
const numberOf = (e164: string) =>
  ({ id: e164, e164, friendlyName: `Line ${e164}`, owner: { kind: 'user', id: 'u', name: 'Chris' } }) as NumberView;
const hitOf = (name: string): SearchHit => ({ kind: 'user', id: name, name, path: [] });

let world: World;
let services: RunningService;
beforeAll(async () => {
  world = await startWorld();
  class Config extends ServiceConfig {}
  const env = {
    STROWGER_MODE: 'test',
    NATS_URL: world.nats.url,
    OPS_PORT: '0',
    OPS_HOST: '127.0.0.1',
    LOG_LEVEL: 'error',
  };
  const module = { module: class {}, providers: [Services] };
  services = await startService({ name: 'services-behind', module, config: loadConfig(Config, env) });
  await services.rpcReady;
});
afterAll(async () => {
  await services?.close();
  await world?.close();
});
beforeEach(() => Object.assign(Services, { deleted: undefined, numbers: 0, found: [], e164: [] }));

const get = async (path: string) => (await world.request('GET', path, world.adminToken)).json() as Promise<unknown>;

describe('a deletion', () => {
  it('is an operation that has succeeded when provisioning holds no number under the node any more', async () => {
    const id = newId();
    Services.numbers = 3;
    const answer = await world.request('DELETE', `/v1/groups/${id}`, world.adminToken);
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(`/v1/operations/${id}`);
    const running = { id, state: 'running', kind: 'delete-group', subjectId: id, startedAt: AT };
    expect(await answer.json()).toEqual(running);
    expect(await get(`/v1/operations/${id}`)).toEqual(running);
    Services.numbers = 0;
    expect(await get(`/v1/operations/${id}`)).toEqual({ ...running, state: 'succeeded' });
    expect(await get(`/v1/operations/${newId()}`)).toMatchObject({ status: 404, code: 'OPERATION_NOT_FOUND' });
  });

  it('is previewed with what each service would lose', async () => {
    const id = newId();
    Services.numbers = 4;
    expect(await get(`/v1/groups/${id}/deletion`)).toEqual({
      ...{ level: 'group', id, name: 'HQ', groups: 1, users: 12, licenses: 9, portalUsers: 1 },
      ...{ numbers: 4, queues: 2 },
    });
  });
});

describe('search', () => {
  const all = async (query: string): Promise<string[]> => {
    const names: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const page = (await get(`/v1/search?${query}&cursor=${cursor}`.replace(/&cursor=$/, ''))) as Page<SearchHit>;
      expect(page.items.length).toBeLessThanOrEqual(2);
      names.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor;
    }
    return names;
  };

  it('finds numbers after all else, page by page', async () => {
    Services.e164 = ['+12015550123', '+12015550124', '+12015550125'];
    const numbers = Services.e164.map((e164) => `Line ${e164}`);
    for (const found of [[], ['a'], ['a', 'b'], ['a', 'b', 'c']]) {
      Services.found = found.map(hitOf);
      expect(await all('search=201%20555&limit=2')).toEqual([...found, ...numbers]);
    }
    Services.found = [hitOf('a')];
    expect(await all('search=chris&limit=2')).toEqual(['a']);
    expect(await all('search=201&kind=user&limit=2')).toEqual(['a']);
    expect(await all('search=line&kind=number&limit=2')).toEqual(numbers);
    expect(await get('/v1/search?search=201&kind=number&limit=1')).toMatchObject({
      items: [{ kind: 'number', key: '+12015550123', path: [{ level: 'user', id: 'u', name: 'Chris' }] }],
    });
  });
});
