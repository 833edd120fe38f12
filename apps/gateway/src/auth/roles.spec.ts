import { PORTAL_ROLES, type PortalRole } from '@strowger/contracts-hierarchy';
import { newId, type Level } from '@strowger/kernel';
import { apiDocument, ROUTES } from '../gateway.js';
import { areaOf } from '../routes/areas.js';
import { pathWith } from '../routes/route.js';
import { admit } from './access.js';
import type { Principal } from './tokens.js';

const LEVELS: Level[] = ['platform', 'system-provider', 'reseller', 'group'];
type Document = { paths: Record<string, Record<string, { 'x-roles'?: Record<string, string> }>> };
const { paths } = apiDocument('https://api.example') as Document;
const said = ({ method, path }: (typeof ROUTES)[number]): Record<string, string> | undefined =>
  paths[pathWith(path, (name) => `{${name}}`)]?.[method.toLowerCase()]?.['x-roles'];

function mayOpen(route: (typeof ROUTES)[number], role: PortalRole, level: Level, readsTexts: boolean): boolean {
  const [id, name] = [newId(), 'Pat'];
  const principal: Principal = {
    kind: 'portal-user',
    actor: { kind: 'portal-user', id, name, role },
    scope: { level, id: level === 'platform' ? '' : id, systemProviderId: level === 'platform' ? '' : id },
    ...{ role, readsTexts, email: 'pat@b.example', expiresAt: Number.MAX_SAFE_INTEGER },
  };
  try {
    admit(principal, route.access, areaOf(route));
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'access-forbidden' });
    return false;
  }
}

const guarded = ROUTES.filter(({ access }) => access !== 'public');
const lineOf = ({ method, path }: (typeof ROUTES)[number]): string => `${method} ${path}`;

it.each(PORTAL_ROLES.flatMap((role) => LEVELS.map((level) => [role, level] as const)))(
  'what %s opens at the level %s is what the OpenAPI document says of each operation',
  (role, level) => {
    for (const readsTexts of [false, true]) {
      const expected = guarded.map((route) => {
        const needs = said(route)?.[role];
        const opens =
          needs === 'yes' ||
          (needs === 'with-texts' && readsTexts) ||
          (needs === 'at-platform' && level === 'platform');
        return [lineOf(route), opens];
      });
      expect(guarded.map((route) => [lineOf(route), mayOpen(route, role, level, readsTexts)])).toEqual(expected);
    }
  },
);

it('agents open their own account and nothing else, wherever they belong', () => {
  for (const level of LEVELS)
    expect(
      guarded
        .filter((route) => mayOpen(route, 'agent', level, true))
        .map(lineOf)
        .sort(),
    ).toEqual([
      'DELETE /v1/me/sessions/:sessionId',
      'GET /v1/me/login-history',
      'GET /v1/me/sessions',
      'POST /v1/me/password',
    ]);
});

it('support reads everything but texts, for which it needs a permission, and changes its own account only', () => {
  const without = guarded.filter((route) => mayOpen(route, 'support', 'group', false));
  const withTexts = guarded.filter((route) => mayOpen(route, 'support', 'group', true));
  expect(without.filter(({ method }) => method !== 'GET').map(lineOf)).toEqual([
    // Counts what a text would take, and keeps nothing.
    'POST /v1/messages/preview',
    'POST /v1/me/password',
    'DELETE /v1/me/sessions/:sessionId',
  ]);
  expect(withTexts.filter((route) => !without.includes(route)).map(lineOf)).toEqual([
    'GET /v1/users/:userId/messages',
    'GET /v1/users/:userId/conversations',
    'GET /v1/messages/:id',
  ]);
});

it('what concerns the whole installation is opened by administrators at its top only', () => {
  const operators = guarded.filter(({ access }) => access === 'operator');
  expect(operators.map(lineOf)).toContain('GET /v1/login-history');
  for (const route of operators)
    expect(PORTAL_ROLES.flatMap((role) => LEVELS.filter((level) => mayOpen(route, role, level, true)))).toEqual([
      'platform',
    ]);
});
