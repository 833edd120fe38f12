import { IsInt, IsString } from 'class-validator';
import { newId, type CloudEvent, type EventClass } from '@strowger/kernel';

export class UserRenamedV1 {
  static readonly type = 'hierarchy.user.renamed.v1';
  @IsString() name!: string;
}

export class UserMovedV1 {
  static readonly type = 'hierarchy.user.moved.v1';
  @IsString() to!: string;
}

export class NumberActivatedV1 {
  static readonly type = 'provisioning.number.activated.v1';
  @IsInt() order!: number;
}

/** A CloudEvent as the outbox would make it. */
export function eventOf<T extends object>(
  contract: EventClass<T>,
  data: T,
  about: Partial<CloudEvent> = {},
): CloudEvent<T> {
  return {
    specversion: '1.0',
    id: newId(),
    type: contract.type,
    source: `/${contract.type.split('.')[0]}`,
    subject: 'a-1',
    sequence: 1,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    ...about,
    data,
  };
}
