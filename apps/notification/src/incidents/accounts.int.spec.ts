import {
  InterfaceUserAddressRefusedV1,
  InterfaceUserLockedV1,
  PasswordResetRequestedV1,
  PortalUserInvitedV1,
} from '@strowger/contracts-hierarchy';
import { DEVELOPMENT_KEYRING } from '@strowger/config';
import { newId, SecretBox } from '@strowger/kernel';
import { sql } from '@strowger/persistence';
import { startNotification, type World } from '../notification.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startNotification();
}, 60_000);
afterAll(() => world.stop());

const mailsTo = (email: string) => world.sink.mailbox.list({ to: email });
const at = '2026-11-20T13:00:00.000Z';
let count = 0;
function incident() {
  const [first, second] = [`tech-${++count}@demo.example`, `alerts-${count}@demo.example`];
  return {
    incidentId: newId(),
    interfaceUserId: newId(),
    systemProviderId: newId(),
    systemProviderName: 'Carrier',
    userName: 'acme-backoffice',
    at,
    address: '198.51.100.7',
    operation: 'AddUserLicense',
    recipients: [
      { portalUserId: newId(), email: first, name: 'Tess', timezone: 'America/Chicago' },
      { portalUserId: newId(), email: second, name: 'Al' },
    ],
  };
}

it('a locked interface user is mailed to everyone the fact names, once, in their own time', async () => {
  const data = { ...incident(), reason: 'bad-password' as const };
  await world.publish(InterfaceUserLockedV1, data.interfaceUserId, data);
  await world.publish(InterfaceUserLockedV1, data.interfaceUserId, data);
  await world.drain(data.systemProviderId);
  const [first, second] = data.recipients.map(({ email }) => mailsTo(email));
  for (const mails of [first, second])
    expect(mails).toMatchObject([{ subject: 'The interface user acme-backoffice is locked' }]);
  for (const word of ['198.51.100.7', 'AddUserLicense', 'wrong password', '07:00:00', 'unlock the account'])
    expect(first![0]!.text).toContain(word);
  expect(second![0]!.text).toContain('13:00:00');
});

it('calls from elsewhere are mailed as news about the account once, however many addresses', async () => {
  const data = incident();
  await world.publish(InterfaceUserAddressRefusedV1, data.incidentId, data);
  const again = { ...data, incidentId: newId(), address: '198.51.100.8' };
  await world.publish(InterfaceUserAddressRefusedV1, again.incidentId, again);
  await world.drain(data.systemProviderId);
  expect(mailsTo(data.recipients[0]!.email)).toMatchObject([
    { subject: 'A call as acme-backoffice from an address that is not allowed' },
  ]);
});

it('an account that a back office made is mailed to everyone the fact names, and the invited get a link', async () => {
  const { interfaceUserId: _, userName: invitedBy, operation: __, ...common } = incident();
  const [portalUserId, resetId, email] = [newId(), newId(), 'invited@demo.example'];
  const invited = { portalUserId, email, name: 'Ida', level: 'group' as const, role: 'agent', invitedBy };
  await world.publish(PortalUserInvitedV1, portalUserId, { ...common, ...invited });
  const sealedToken = SecretBox.fromKeyring(DEVELOPMENT_KEYRING).seal('a-token', `password-reset:${resetId}`);
  const { systemProviderId } = common;
  const link = { resetId, portalUserId, systemProviderId, email, name: 'Ida', sealedToken, expiresAt: at, invitedBy };
  await world.publish(PasswordResetRequestedV1, resetId, link);
  await world.drain(systemProviderId);
  for (const { email: reader } of common.recipients)
    expect(mailsTo(reader)).toMatchObject([{ subject: `The back office added the portal user ${email}` }]);
  const [mail] = mailsTo(email);
  expect(mail).toMatchObject({ subject: 'You are invited to the portal' });
  for (const word of ['#token=a-token', invitedBy, 'choose a password']) expect(mail!.text).toContain(word);
});

it('the link for a new password is in the mail and in no table', async () => {
  const token = 'canary-token-of-a-reset-0123456789';
  const resetId = newId();
  const systemProviderId = newId();
  const sealedToken = SecretBox.fromKeyring(DEVELOPMENT_KEYRING).seal(token, `password-reset:${resetId}`);
  const email = 'forgetful@demo.example';
  const data = { resetId, portalUserId: newId(), systemProviderId, email, name: 'Fay', sealedToken, expiresAt: at };
  await world.publish(PasswordResetRequestedV1, resetId, data);
  await world.drain(systemProviderId);
  const [mail] = mailsTo(email);
  for (const body of [mail!.text, mail!.html]) {
    expect(body).toContain(`https://portal.example/reset-password#token=${token}`);
    expect(body).not.toContain('{{');
  }
  const [row] = await world.db.query<{ row: string; sealed: string | null }>(
    sql`select t::text as row, sealed_secret as sealed from mail_delivery t where incident_id = ${resetId}`,
  );
  expect(row!.row).not.toContain(token);
  expect(row!.sealed).toBeNull();
});
