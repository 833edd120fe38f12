import type { ApiKeyArea } from '@strowger/contracts-hierarchy';
import type { Route } from '../routes/route.js';

/** `any`: anyone with some permission; what is seen there follows from another area. */
export type Area = ApiKeyArea | 'any';

const BY_TAG: Record<string, Area> = {
  'Portal users': 'accounts',
  'Interface users': 'accounts',
  'API keys': 'accounts',
  'Own account': 'accounts',
  Licenses: 'licensing',
  // Anyone who asks for a client's license may act as any user: managing licenses does not include it.
  'License requests': 'license-requests',
  'Contact centre': 'contact-centre',
  History: 'history',
  Operations: 'any',
};
const BY_OWNER: Record<string, Area> = { provisioning: 'numbers', routing: 'messages', notification: 'messages' };

/** The part of the API a route belongs to, which API keys' permissions name. */
export const areaOf = ({ tag, contract }: Pick<Route, 'tag' | 'contract'>): Area =>
  BY_TAG[tag] ?? BY_OWNER[contract.subject.split('.')[1]!] ?? 'hierarchy';

/** Writing includes reading. */
export function permits(permissions: readonly string[], action: 'read' | 'write', area: Area | undefined): boolean {
  const sufficient = action === 'read' ? ['read', 'write'] : ['write'];
  return permissions.some((permission) => {
    const [first, second] = permission.split(':') as [string, string?];
    if (second === undefined) return sufficient.includes(first);
    return (area === 'any' || first === area) && sufficient.includes(second);
  });
}
