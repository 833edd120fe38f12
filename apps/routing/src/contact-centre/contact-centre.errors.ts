import { AppError } from '@strowger/kernel';

export class QueueExists extends AppError {
  constructor(name: string) {
    super('conflict', 'queue-exists', `There is already a queue named '${name}' at this level.`, { name });
  }
}
export class QueueNotFound extends AppError {
  constructor(name: string) {
    super('not-found', 'queue-not-found', `There is no queue named '${name}' at this level.`, { name });
  }
}
export class MediaStreamExists extends AppError {
  constructor(name: string) {
    super('conflict', 'media-stream-exists', `There is already a media stream named '${name}' in this queue.`, {
      name,
    });
  }
}
export class MediaStreamNotFound extends AppError {
  constructor(name: string) {
    super('not-found', 'media-stream-not-found', `There is no media stream named '${name}' in this queue.`, { name });
  }
}
/** Does not say whose the number is: that may be another provider. */
export class NumberAlreadyAssigned extends AppError {
  constructor(e164: string) {
    super(
      'conflict',
      'number-already-assigned',
      `${e164} is already assigned to a user or to another media stream. Release it there first.`,
      { e164 },
    );
  }
}
export class AssociationExists extends AppError {
  constructor(portalUserId: string) {
    super('conflict', 'association-exists', 'This portal user is already an agent of the group.', { portalUserId });
  }
}
export class AssociationNotFound extends AppError {
  constructor(portalUserId: string) {
    super('not-found', 'association-not-found', 'This portal user is not an agent of the group.', { portalUserId });
  }
}
export class AgentNotAtReseller extends AppError {
  constructor(portalUserId: string) {
    super(
      'not-found',
      'portal-user-not-found',
      "An agent of a group must be a portal user at the level of the group's reseller, and this one is not.",
      { portalUserId },
    );
  }
}
