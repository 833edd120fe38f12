/** What each role of portal users opens: the one table, which the OpenAPI document shows and `access.ts` enforces. */
import { PORTAL_ROLES, type PortalRole } from '@strowger/contracts-hierarchy';
import type { Level } from '@strowger/kernel';

/**
 * What a route is: `read` and `write` of the portal, `texts` what users wrote and were written, `operator` what concerns
 * the whole installation, `me` what a token stands for, `self` a portal user's own account, `client` a client's own user, `public` for everyone. Which
 * role opens it is in `roles.ts`. API keys may `read`, read `texts`, `write` and act as `operator` as far as their
 * permissions and their node go.
 */
export type Access = 'public' | 'me' | 'read' | 'texts' | 'write' | 'operator' | 'self' | 'client';

/** Beside the role: `texts` is a permission of its own, `platform` the level of the operators. */
export type Opens = 'yes' | 'no' | 'with-texts' | 'at-platform';

/** Agents work in the contact centre; of the portal they have their own account only. */
const ROLES: Record<PortalRole, Record<Exclude<Access, 'public' | 'client'>, Opens>> = {
  administrator: { me: 'yes', self: 'yes', read: 'yes', texts: 'yes', write: 'yes', operator: 'at-platform' },
  support: { me: 'yes', self: 'yes', read: 'yes', texts: 'with-texts', write: 'no', operator: 'no' },
  agent: { me: 'yes', self: 'yes', read: 'no', texts: 'no', write: 'no', operator: 'no' },
};

export const opens = (role: PortalRole, access: Access): Opens =>
  access === 'public' ? 'yes' : access === 'client' ? 'no' : ROLES[role][access];

export function roleMay(
  { role, readsTexts, level }: { role: PortalRole; readsTexts: boolean; level: Level },
  access: Access,
): boolean {
  const answer = opens(role, access);
  return (
    answer === 'yes' || (answer === 'with-texts' && readsTexts) || (answer === 'at-platform' && level === 'platform')
  );
}

/** As the OpenAPI document shows it: each role that opens the access, with what it needs beside. */
export const rolesOf = (access: Access): Partial<Record<PortalRole, Opens>> =>
  Object.fromEntries(PORTAL_ROLES.map((role) => [role, opens(role, access)]).filter(([, answer]) => answer !== 'no'));
