import type { Route } from '@strowger/app-gateway';
import { PortalApi } from '@strowger/api-client';
import { startCollector } from '@strowger/telemetry/testing';
import { furnish } from './security-furniture.fixtures.js';
import { Tenant, type GroupBranch, type Leaf } from './security.fixtures.js';
import { e2e, MINUTES } from './world.fixtures.js';

/** One system with two tenants for all of security.e2e.spec.ts, and everyone who tries what is not theirs. */

export let collector: Awaited<ReturnType<typeof startCollector>>;
beforeAll(async () => (collector = await startCollector()));
afterAll(() => collector.stop());
export const system = e2e('security', 26_500, () => ({
  '*': { LOG_LEVEL: 'debug', ...collector.env },
  // On a busy machine the last part begins later than the usual tokens live.
  gateway: {
    ACCESS_TOKEN_SECONDS: 3600,
    CLIENT_TOKEN_SECONDS: 3600,
    // One address makes all the calls, and none of them may be refused for that alone.
    WRONG_CREDENTIALS_PER_MINUTE: 0,
    SENDS_PER_SECOND_OF_USER: 0,
  },
}));

export let a: Tenant;
export let b: Tenant;
export let operator: PortalApi;
export let url: string;
beforeAll(async () => {
  const { stack } = system.world;
  url = stack.urls.gatewayUrl;
  operator = await PortalApi.signIn(url, stack.operator.email, stack.operator.password);
  a = await Tenant.build(stack, operator, 'a', [[2, 1], [1]]);
  b = await Tenant.build(stack, operator, 'b', [[1]]);
  for (const tenant of [a, b]) await furnish(tenant);
}, 5 * MINUTES);

export const holds = system.holds.bind(system);
export const lineOf = ({ method, path }: Route): string => `${method} ${path}`;
export const takesBody = ({ method }: Route): boolean => method !== 'GET' && method !== 'DELETE';
export const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

export type Ids = Record<string, string>;
export interface Caller {
  name: string;
  kind: 'portal' | 'key' | 'client';
  token: string;
  /** What it may not know of, by path segment. */
  foreign: Ids;
  /** What is its own. */
  own: Ids;
  /** Every id it may see, in any answer. */
  sees: Set<string>;
}

export const idsOf = (leaf: Leaf): string[] => Object.values(leaf.ids);
export const nodesOf = (tenant: Tenant): string[] => [
  ...Object.values(tenant.ids),
  tenant.failed.id,
  ...tenant.branches.flatMap(({ reseller, adminId, groups }) => [
    ...[reseller.id, adminId],
    ...groups.flatMap(idsUnder),
  ]),
];
/** A group and all in it. */
const idsUnder = (each: GroupBranch): string[] => [
  ...[each.group.id, each.adminId],
  ...Object.values(each.ids),
  ...each.leaves.flatMap(idsOf),
];

/** Who tries, each beside or below what it tries to reach. */
export function callers(): Caller[] {
  const [first, second] = a.branches as [Tenant['branches'][0], Tenant['branches'][0]];
  const [near, sibling] = first.groups as [(typeof first.groups)[0], (typeof first.groups)[0]];
  const victim = near.leaves[0]!;
  const inA = { ...near.ids, ...a.ids, ...victim.ids, groups: near.group.id, resellers: first.reseller.id };
  const [ofB] = b.branches[0]!.groups as [GroupBranch];
  const inB = {
    ...{ ...ofB.ids, ...b.ids, ...b.leaves[0]!.ids },
    ...{ groups: ofB.group.id, resellers: b.branches[0]!.reseller.id },
  };
  const above = [a.provider.id, a.platform.id];
  const otherProvider = { 'system-providers': b.provider.id };
  const [second1] = second.groups as [GroupBranch];
  const clientOf = (name: string, leaf: Leaf, others: Ids, around: string[]): Caller => ({
    ...{ name, kind: 'client', token: leaf.client, foreign: others, own: leaf.ids },
    sees: new Set([...idsOf(leaf), ...around]),
  });
  return [
    {
      ...{ name: "B's administrator", kind: 'portal', token: b.admin.token, foreign: inA, own: inB },
      sees: new Set(nodesOf(b)),
    },
    {
      ...{ name: "B's API key", kind: 'key', token: b.secrets['api key']!, foreign: inA, own: inB },
      sees: new Set(nodesOf(b)),
    },
    {
      name: "the administrator of A's other reseller",
      kind: 'portal',
      token: second.admin.token,
      foreign: { ...inA, ...otherProvider },
      own: {
        ...{ ...second1.ids, ...second1.leaves[0]!.ids },
        ...{ groups: second1.group.id, resellers: second.reseller.id },
      },
      sees: new Set([...above, second.reseller.id, second.adminId, ...second.groups.flatMap(idsUnder)]),
    },
    {
      name: 'the administrator of a sibling group',
      kind: 'portal',
      token: sibling.admin.token,
      // The agent of the group beside it is its own as well.
      foreign: { ...inA, ...otherProvider, resellers: second.reseller.id, agents: second.adminId },
      own: { ...sibling.ids, ...sibling.leaves[0]!.ids, groups: sibling.group.id },
      sees: new Set([...above, first.reseller.id, ...idsUnder(sibling)]),
    },
    clientOf("another user's client", near.leaves[1]!, inA, [a.provider.id]),
    clientOf("another provider's client", b.leaves[0]!, inA, [b.provider.id]),
  ];
}
