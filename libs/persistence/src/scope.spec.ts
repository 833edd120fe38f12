import { PLATFORM_SCOPE, type TenantScope } from '@strowger/kernel';
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import { inScope } from './index.js';

const db = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});
const written = (...given: Parameters<typeof inScope>) => {
  const { sql, parameters } = inScope(...given).compile(db);
  return [sql, ...parameters];
};
const provider: TenantScope = { level: 'system-provider', id: 'p', systemProviderId: 'p' };
const group: TenantScope = { level: 'group', id: 'g', systemProviderId: 'p' };

it('writes the scope as a condition on the column of its level', () => {
  expect(written(PLATFORM_SCOPE)).toEqual(['true']);
  expect(written(provider)).toEqual(['"system_provider_id" = $1::uuid', 'p']);
  expect(written({ ...provider, providerIds: ['p', 'q'] })).toEqual([
    '"system_provider_id" = any($1::uuid[])',
    ['p', 'q'],
  ]);
  expect(written({ ...group, providerIds: ['p', 'q'] })).toEqual(['"group_id" = $1::uuid', 'g']);
});

it('names the columns of a joined table, and sees nothing where a level has no column', () => {
  expect(written(group, { group: 'n.id' })).toEqual(['"n"."id" = $1::uuid', 'g']);
  expect(written(group, { 'system-provider': 'system_provider_id' })).toEqual(['false']);
});
