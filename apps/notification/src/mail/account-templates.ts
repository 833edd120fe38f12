import type {
  AlertRecipient,
  InterfaceUserAddressRefusedV1,
  InterfaceUserLockedV1,
  LockReason,
  PasswordResetRequestedV1,
  PortalUserInvitedV1,
} from '@strowger/contracts-hierarchy';
import { SECRET_HERE, type Mail } from './mail-delivery.entity.js';
import { compose } from './templates.js';

const ASKED = 'Send Alerts” or “Send Technical Emails';

/** In the reader's own zone. */
function timeOf(at: string, timeZone = 'UTC'): string {
  const format = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'medium', timeZone });
  return `${format.format(new Date(at))} (${timeZone})`;
}

const WHY_LOCKED: Record<LockReason, string> = {
  'bad-password': 'A call was made with a wrong password',
  'acl-denied': 'A call was made from an address that is not on the access control list',
  administrator: 'An administrator locked it',
};

type Incident = InterfaceUserLockedV1 | InterfaceUserAddressRefusedV1;
const factsOf = ({ userName, systemProviderName, at, address, operation }: Incident, reader: AlertRecipient) => ({
  'Interface user': userName,
  'System provider': systemProviderName,
  When: timeOf(at, reader.timezone),
  'From address': address ?? 'is not known',
  ...(operation ? { Operation: operation } : {}),
});

/** Seed 002: the first failed login locks, and unlocking is done in the portal. */
export const interfaceUserLocked = (event: InterfaceUserLockedV1, reader: AlertRecipient, portalUrl?: string): Mail =>
  compose(
    {
      template: 'interface-user-locked',
      // Each one follows an unlocking by hand, so none is a repeat.
      topic: `interface-user-locked:${event.incidentId}`,
      subject: `The interface user ${event.userName} is locked`,
      opening: `The interface user ${event.userName} has been locked: the back office that calls with it is refused.`,
      facts: { ...factsOf(event, reader), Reason: WHY_LOCKED[event.reason] },
      whatToDo:
        'Look at its login history in the portal. If the call was yours, correct the password in the back office; if ' +
        'not, set a new one and check the list of addresses. Then unlock the account.',
      asked: ASKED,
    },
    portalUrl,
  );

export const interfaceUserAddressRefused = (
  event: InterfaceUserAddressRefusedV1,
  reader: AlertRecipient,
  portalUrl?: string,
): Mail =>
  compose(
    {
      template: 'interface-user-address-refused',
      topic: `interface-user-address-refused:${event.interfaceUserId}`,
      subject: `A call as ${event.userName} from an address that is not allowed`,
      opening: `Someone called as the interface user ${event.userName} from an address that is not on its list. The call was refused; the account is not locked.`,
      facts: factsOf(event, reader),
      whatToDo:
        'If the address belongs to your back office, add it to the access control list of the interface user. If not, somebody else knows the name of your account.',
      asked: ASKED,
    },
    portalUrl,
  );

/** What made the account is a program that holds a login, so a person looks at it. */
export const portalUserInvited = (event: PortalUserInvitedV1, reader: AlertRecipient, portalUrl?: string): Mail =>
  compose(
    {
      template: 'portal-user-invited',
      topic: `portal-user-invited:${event.incidentId}`,
      subject: `The back office added the portal user ${event.email}`,
      opening: `The back office added a portal user. ${event.email} has been invited by mail to set a password.`,
      facts: {
        Name: event.name,
        'Email address': event.email,
        Level: event.level,
        Role: event.role,
        'System provider': event.systemProviderName,
        'Interface user': event.invitedBy,
        When: timeOf(event.at, reader.timezone),
        'From address': event.address ?? 'is not known',
      },
      whatToDo:
        'If this was not meant, delete the portal user in the portal, and set another password for the interface user.',
      asked: ASKED,
    },
    portalUrl,
  );

/** The token is put in when the mail goes out. */
export function passwordReset(event: PasswordResetRequestedV1, portalUrl?: string): Mail {
  const link = portalUrl && `${portalUrl.replace(/\/$/, '')}/reset-password#token=${SECRET_HERE}`;
  const mail = compose({
    template: 'password-reset',
    topic: `password-reset:${event.resetId}`,
    subject: event.invitedBy ? 'You are invited to the portal' : 'Set a new password',
    opening: event.invitedBy
      ? `${event.invitedBy} added ${event.email} to the portal.`
      : `A new password was asked for, for ${event.email}.`,
    facts: {
      ...(link ? { Link: link } : { Token: SECRET_HERE }),
      'Good until': timeOf(event.expiresAt),
      ...(event.address ? { 'Asked for from': event.address } : {}),
    },
    whatToDo: event.invitedBy
      ? 'Open the link and choose a password; it works once. If you expect no invitation, do nothing.'
      : 'Open the link and set a new password; it works once. If you did not ask for it, do nothing: your password stays as it is.',
    why: event.invitedBy
      ? 'You receive this because someone added you with this e-mail address.'
      : 'You receive this because someone entered this e-mail address as theirs.',
  });
  return { ...mail, sealedSecret: event.sealedToken };
}
