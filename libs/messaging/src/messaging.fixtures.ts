import { IsInt, IsString } from 'class-validator';
import { newId, type CloudEvent, type EventClass } from '@strowger/kernel';
import { testNats, type ServerProcess } from '@strowger/testing';
import {
  Consumer,
  Consumers,
  DeadLetters,
  Handles,
  Messaging,
  Publisher,
  type ConsumerOptions,
  type InboxTransaction,
  type Received,
} from './index.js';

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

let nats: ServerProcess;
const open: Messaging[] = [];
const running: Consumers[] = [];

/** One nats-server for the spec file; connections and consumers end with each test. */
export function useNats(): void {
  beforeAll(async () => {
    nats = await testNats();
  });
  afterEach(async () => {
    for (const consumers of running.splice(0)) await consumers.stop(1000);
    for (const messaging of open.splice(0)) await messaging.close();
  });
  afterAll(() => nats.stop());
}

export async function connected(
  name = 'test',
): Promise<{ messaging: Messaging; publisher: Publisher; dead: DeadLetters }> {
  const messaging = await Messaging.connect({ natsUrl: nats.url, name });
  open.push(messaging);
  const publisher = new Publisher(messaging);
  return { messaging, publisher, dead: new DeadLetters(messaging, publisher) };
}

export async function consume(
  instance: object,
  on?: { messaging: Messaging; publisher: Publisher },
  inbox?: InboxTransaction,
) {
  const world = on ?? (await connected());
  const consumers = new Consumers(world.messaging, world.publisher, inbox);
  consumers.start([instance]);
  running.push(consumers);
  await consumers.started();
  return consumers;
}

let names = 0;
export const uniqueName = (): string => `test-consumer${++names}`;

/** A consumer of UserRenamedV1 that does what the test says. */
export function renames(
  handle: (received: Received<UserRenamedV1>) => unknown,
  options: ConsumerOptions = {},
  name = uniqueName(),
) {
  @Consumer(name, { deliver: 'new', ackWaitSeconds: 1, ...options })
  class Renames {
    @Handles(UserRenamedV1)
    async on(received: Received<UserRenamedV1>): Promise<void> {
      await handle(received);
    }
  }
  return Object.assign(new Renames(), { consumerName: name });
}

export const rename = (name: string, about = {}) => eventOf(UserRenamedV1, { name }, about);
