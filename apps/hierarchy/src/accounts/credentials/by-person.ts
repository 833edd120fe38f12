import { AppError, type Actor } from '@strowger/kernel';

/** Interface users and API keys have no business with the accounts that keep them out. */
export class PortalUserNeeded extends AppError {
  constructor(action: string) {
    super('forbidden', 'portal-user-needed', `Only an administrator who is signed in to the portal may ${action}.`);
  }
}

/**
 * The one rule for what makes or changes credentials: people do, and the installation for its first operator. A key that
 * could make a key, an account or a password could make itself a better one, or outlive its own end.
 * @throws PortalUserNeeded
 */
export function byPerson(actor: Actor, action: string): void {
  if (actor.kind !== 'portal-user' && actor.kind !== 'system') throw new PortalUserNeeded(action);
}
