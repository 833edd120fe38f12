import { PortalUser } from './portal-user.entity.js';
import { Session } from './session.entity.js';

const at = new Date('2026-01-01T00:00:00Z');
const off = { technicalEmails: false, alerts: false, invoicesAndReceipts: false, licenseExpiryAlerts: false };
const on = { ...off, alerts: true };
const fields = { email: 'Pat@Demo.example', name: 'Pat', role: 'administrator' as const };

it('receives the guarded alerts only at the system provider, while active and switched on', () => {
  const made = (level: 'system-provider' | 'reseller', notifications: typeof on) =>
    PortalUser.create({ ...fields, level, notifications }, { systemProviderId: 'p' }, 'hash', at);
  expect(made('system-provider', on).receivesAlerts).toBe(true);
  expect(made('system-provider', off).receivesAlerts).toBe(false);
  expect(made('reseller', on).receivesAlerts).toBe(false);
  const gone = made('system-provider', on);
  gone.end(at);
  expect(gone.receivesAlerts).toBe(false);
});

it('names a changed password as a fact, without either', () => {
  const user = PortalUser.create(
    { ...fields, level: 'group', notifications: off },
    { systemProviderId: 'p', resellerId: 'r', groupId: 'g' },
    'old-hash',
    at,
  );
  const changes = user.update({ email: 'New@Demo.example', notifications: on }, 'new-hash');
  expect(Object.keys(changes)).toEqual(['email', 'alerts', 'password']);
  expect(JSON.stringify(changes)).not.toContain('hash');
  expect(user).toMatchObject({ emailKey: 'new@demo.example', version: 2, nodeId: 'g' });
  expect(user.principal().scope).toEqual({ level: 'group', id: 'g', systemProviderId: 'p' });
});

it('a session is over at its very end', () => {
  const session = Object.assign(new Session(), { expiresAt: at });
  expect(session.isOver(new Date(at.getTime() - 1))).toBe(false);
  expect(session.isOver(at)).toBe(true);
});
