import { isWithin, PLATFORM_SCOPE, reachOf, withinScope, type TenantScope } from './index.js';

const alone: TenantScope = { level: 'system-provider', id: 'p', systemProviderId: 'p' };
const parent: TenantScope = { ...alone, providerIds: ['p', 'child', 'grandchild'] };
const reseller: TenantScope = { level: 'reseller', id: 'r', systemProviderId: 'p', providerIds: ['p', 'child'] };
const rowOf = (systemProviderId: string) => ({ systemProviderId, resellerId: 'r' });

describe('a scope', () => {
  it('of a system provider reaches its own rows, and those of the providers below it where it names them', () => {
    expect(withinScope(alone)).toEqual({ systemProviderId: 'p' });
    expect(withinScope({ ...alone, providerIds: ['p'] })).toEqual({ systemProviderId: 'p' });
    expect(withinScope(parent)).toEqual({ systemProviderId: { $in: ['p', 'child', 'grandchild'] } });
    expect(['p', 'child', 'grandchild', 'sibling'].map((id) => isWithin(parent, rowOf(id)))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(isWithin(alone, rowOf('child'))).toBe(false);
  });

  it('of another level reaches that node only', () => {
    expect(withinScope(reseller)).toEqual({ resellerId: 'r' });
    expect(reachOf(reseller)).toEqual(['r']);
    expect(isWithin(reseller, { systemProviderId: 'other', resellerId: 'r' })).toBe(true);
    expect(isWithin(reseller, { systemProviderId: 'p' })).toBe(false);
    expect(isWithin(reseller, { systemProviderId: 'p', resellerId: null })).toBe(false);
  });

  it('sees nothing of a table without a column for its level', () => {
    const columns = { 'system-provider': 'ownerId' };
    expect(withinScope(parent, columns)).toEqual({ ownerId: { $in: ['p', 'child', 'grandchild'] } });
    expect(withinScope(reseller, columns)).toEqual({ id: { $in: [] } });
    expect(withinScope(PLATFORM_SCOPE, columns)).toEqual({});
  });

  it('of the operator reaches everything', () => {
    expect(withinScope(PLATFORM_SCOPE)).toEqual({});
    expect(isWithin(PLATFORM_SCOPE, rowOf('any'))).toBe(true);
  });
});
