import 'reflect-metadata';
import { Injectable } from '@nestjs/common';
import type { CloudEvent, EventClass } from '@strowger/kernel';

/** One fact as a handler gets it: its data validated and an instance of the contract class. */
export interface Received<T extends object = object> {
  data: T;
  /** CloudEvent id. */
  id: string;
  /** The aggregate's version: drop what is older than what you hold. */
  sequence: number;
  /** The aggregate's id. */
  subject: string;
  tenantId?: string;
  time: Date;
  event: CloudEvent<T>;
  /** The server has delivered it before; the effect may have happened if this consumer has no inbox. */
  redelivered: boolean;
}

export interface ConsumerOptions {
  /** Deliveries before a failing fact becomes a dead letter. Default 10 (about two and a half minutes). */
  maxDeliver?: number;
  /** How soon the server redelivers after a crash. Running handlers renew it. Default 10. */
  ackWaitSeconds?: number;
  /** Facts handled at once; those of one aggregate never overlap. Default 8. */
  concurrency?: number;
  /** A handler running longer is reported as stalled and its fact handed back. Default 120. */
  handlerTimeoutSeconds?: number;
  /** Where a brand-new consumer begins: everything the stream still has, or what comes from now on. Default `all`. */
  deliver?: 'all' | 'new';
  /** Types this consumer used to handle and now ignores; without it they are parked as dead letters. */
  retired?: readonly string[];
}

/** One event of a stream, unchecked: a message, or an element of one that is a JSON array (CloudEvents JSON batch). */
export interface RawMessage {
  /** NATS subject. */
  subject: string;
  /** Parsed. Throws when the message is not JSON. */
  json(): unknown;
  /** Sequence of the message in the stream. */
  sequence: number;
  /** When the stream stored it. */
  time: Date;
  redelivered: boolean;
  deliveries: number;
  traceparent?: string;
}

export interface BatchConsumerOptions {
  /** Stream to read, such as `INGESTION`. */
  stream: string;
  /** One subject filter; wildcards allowed. */
  filter: string;
  /** A call takes whole messages until it has so many events. Default 500. */
  maxBatch?: number;
  /** Attempts on a single failing event before it becomes a dead letter. Default 5. */
  maxDeliver?: number;
  /** How soon what a crashed process held comes again. Messages in work or in line renew it. Default 5. */
  ackWaitSeconds?: number;
  deliver?: 'all' | 'new';
}

/** What a class under @BatchConsumer must have. Acked after it returns; thrown: split, then one by one. */
export interface BatchHandler {
  handleBatch(messages: RawMessage[]): Promise<void>;
}

export interface HandlerEntry {
  contract: EventClass;
  method: string;
  /** The method takes a list, of this many at most. */
  most?: number;
}
export interface ConsumerDefinition {
  name: string;
  options: ConsumerOptions;
}
export interface BatchConsumerDefinition {
  name: string;
  options: BatchConsumerOptions;
}

const CONSUMER = Symbol('strowger.consumer');
const BATCH_CONSUMER = Symbol('strowger.batch-consumer');
const HANDLERS = Symbol('strowger.handlers');
const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

function checked(name: string): string {
  if (!NAME.test(name)) throw new Error(`A consumer's name is <service>-<purpose> in kebab-case, not '${name}'.`);
  return name;
}

/** Marks a provider whose @Handles methods receive facts. `name` is `<service>-<purpose>`, unique in the installation. */
export function Consumer(name: string, options: ConsumerOptions = {}): ClassDecorator {
  const definition: ConsumerDefinition = { name: checked(name), options };
  return (target) => {
    Injectable()(target);
    Reflect.defineMetadata(CONSUMER, definition, target);
  };
}

/** Marks the method that receives facts of this contract: `(received: Received<T>) => Promise<void>`. */
export function Handles<T extends object>(contract: EventClass<T>) {
  return <M extends (received: Received<T>) => Promise<void>>(
    target: object,
    method: string,
    _descriptor: TypedPropertyDescriptor<M>,
  ): void => {
    const known = (Reflect.getMetadata(HANDLERS, target.constructor) ?? []) as HandlerEntry[];
    Reflect.defineMetadata(HANDLERS, [...known, { contract, method }], target.constructor);
  };
}

/**
 * Marks a method that receives facts of this contract as they have piled up, each of another aggregate:
 * `(received: Received<T>[]) => Promise<void>`, all in one transaction. For facts that come by the thousand, such as the
 * deletion of every user of a reseller. A list that fails comes again one by one.
 */
export function HandlesMany<T extends object>(contract: EventClass<T>, most = 200) {
  return <M extends (received: Received<T>[]) => Promise<void>>(
    target: object,
    method: string,
    _descriptor: TypedPropertyDescriptor<M>,
  ): void => {
    const known = (Reflect.getMetadata(HANDLERS, target.constructor) ?? []) as HandlerEntry[];
    Reflect.defineMetadata(HANDLERS, [...known, { contract, method, most }], target.constructor);
  };
}

/** Marks a provider with `handleBatch`, for streams of thousands a second. One process at a time reads, so the stream's order is kept. */
export function BatchConsumer(name: string, options: BatchConsumerOptions) {
  const definition: BatchConsumerDefinition = { name: checked(name), options };
  return <C extends new (...args: never[]) => BatchHandler>(target: C): void => {
    Injectable()(target);
    Reflect.defineMetadata(BATCH_CONSUMER, definition, target);
  };
}

export const consumerOf = (target: object): ConsumerDefinition | undefined => Reflect.getMetadata(CONSUMER, target);
export const batchConsumerOf = (target: object): BatchConsumerDefinition | undefined =>
  Reflect.getMetadata(BATCH_CONSUMER, target);
export const handlersOf = (target: object): HandlerEntry[] => Reflect.getMetadata(HANDLERS, target) ?? [];
