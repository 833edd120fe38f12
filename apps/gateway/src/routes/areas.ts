/** Which part of the API a route belongs to, from its tag or else from the service behind it. */
import type { Area } from '../auth/permissions.js';
import type { Route } from './route.js';

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

/** What an API key's permissions call the part of the API that the route belongs to. */
export const areaOf = ({ tag, contract }: Pick<Route, 'tag' | 'contract'>): Area =>
  BY_TAG[tag] ?? BY_OWNER[contract.subject.split('.')[1]!] ?? 'hierarchy';
