export { Consumers } from './consumers.js';
export { DeadLetters, type DeadLetter, type DeadReason } from './dead-letters.js';
export { decodeData, decodeEvent, eventsIn } from './decode.js';
export {
  BatchConsumer,
  type BatchConsumerOptions,
  type BatchHandler,
  Consumer,
  type ConsumerOptions,
  Handles,
  HandlesMany,
  type RawMessage,
  type Received,
} from './decorators.js';
export { describeError, PublisherOverloaded, PublishRefused, StreamUnavailable } from './errors.js';
export { INBOX, type InboxTransaction } from './inbox.js';
export { KvBucket, kvBucket, KvMirror, type KvMirrorOptions, type KvOptions, type KvValue } from './kv.js';
export { MessagingModule, type MessagingModuleOptions } from './messaging.module.js';
export { type IdleSource, Messaging, type MessagingOptions } from './messaging.js';
export { type PubAck, Publisher, type RawPublishOptions } from './publisher.js';
export { ensureStreams, streamOf, STREAMS, type StreamSpec } from './streams.js';
