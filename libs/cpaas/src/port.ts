import type { SmsEncoding } from '@strowger/sms';

/** Carriers with an adapter here. */
export const PLATFORM_KINDS = ['restcomm'] as const;
export type PlatformKind = (typeof PLATFORM_KINDS)[number];

/** One field of the form a platform is created with. */
export interface PlatformField {
  name: string;
  label: string;
  /** Never shown again once saved. */
  secret: boolean;
  optional: boolean;
  /** Regular expression of a whole valid value. */
  pattern?: string;
  choices?: readonly string[];
  hint?: string;
}

/** What a carrier can do; forms, validation and documentation derive from it. */
export interface CapabilityManifest {
  kind: PlatformKind;
  /** As the field calls it. */
  label: string;
  verifiesCredentials: boolean;
  findsNumber: boolean;
  configuresInbound: boolean;
  ordersNumbers: boolean;
  sms: boolean;
  mms: boolean;
  whatsapp: boolean;
  deliveryReceipts: boolean;
  groupMms: boolean;
  /** How webhooks prove themselves beyond the endpoint token. */
  signature: 'none' | 'shared-header' | 'hmac' | 'jwt';
  /** Largest webhook body worth reading. */
  bodyLimitBytes: number;
  /** How texts longer than one segment may be sent; the first is the default. */
  longMessages: readonly LongMessages[];
  /** Where the sender starts, per account. */
  rate: { perSecond: number; concurrentWrites: number };
  fields: readonly PlatformField[];
}

/**
 * - `split`: separate requests of at most one segment each, the only thing Restcomm documents
 * - `passthrough`: one request of at most 999 characters, for platforms known to join parts
 * - `reject`: refuse a text that needs more than one segment
 */
export type LongMessages = 'split' | 'passthrough' | 'reject';

/** One call to a carrier for the timeline a person reads. Credentials and message text are already taken out. */
export interface CarrierExchange {
  method: string;
  /** Path with query; account ids masked. */
  path: string;
  /** Absent when no answer came. */
  status?: number;
  /** Code of what went wrong instead of an answer, e.g. `ECONNREFUSED`. */
  failure?: string;
  ms: number;
  requestBody?: string;
  responseBody?: string;
}
export type ExchangeObserver = (exchange: CarrierExchange) => void;

/** What one call needs of a platform: where it is and the opened credentials. Never logged, never stored like this. */
export interface PlatformAccess {
  kind: PlatformKind;
  /** Prefix up to and including `/2012-04-24`, taken from the installation's allowed list. */
  baseUrl: string;
  accountSid: string;
  authToken: string;
  /** Application that numbers are bound to; `UnitySmsConnector` when absent. */
  applicationName?: string;
  /** `split` when absent: `sendMessage` then takes one segment at most. */
  longMessages?: LongMessages;
  /** Told of every call made with this access, after it ended. */
  onExchange?: ExchangeObserver;
}

export interface VerifiedPlatform {
  accountSid: string;
  applicationSid: string;
  applicationName: string;
  /** Sentences for the operator, e.g. that several applications have the name. */
  warnings: string[];
}

/** Every setting of a number that can be put back. JSON-safe, so a saga journals it. */
export type NumberSnapshot = Record<string, string | boolean | null>;

/** A number as the carrier holds it. */
export interface CarrierNumber {
  /** The carrier's id of the number. */
  sid: string;
  /** As the carrier writes it: with or without plus or country code. */
  phoneNumber: string;
  friendlyName: string;
  applicationSid: string | null;
  /** Settings as read; those of before a bind are what `restoreNumber` takes. */
  snapshot: NumberSnapshot;
}
export interface FoundNumber extends CarrierNumber {
  /** Ids of further records of the same number (`+1…`, ten digits): the person should remove them. */
  duplicateSids: string[];
}

export interface SendRequest {
  /** E.164, one of our numbers. */
  from: string;
  /** E.164 or short code. */
  to: string;
  /** At most one segment, unless the platform passes long messages through. Split with `splitForSingles` of @strowger/sms. */
  body: string;
  /** Of the whole message; worked out from the body when absent. */
  encoding?: SmsEncoding;
  /** Where receipts go. Holds the endpoint's token, so it is a secret. */
  statusCallbackUrl?: string;
}
export interface SentMessage {
  carrierMessageId: string;
  /** What the carrier says it sends. */
  body: string;
  /** The carrier sends less than it was given. */
  truncated: boolean;
  /** Carrier's verbatim status, e.g. `sending`. */
  status: string;
}

export interface SentProbe {
  from: string;
  to: string;
  body: string;
  /** When the doubtful request was started. */
  since: Date;
  /** Ids already known to belong to other messages, so that two equal texts are not taken for one. */
  exclude?: ReadonlySet<string>;
}

/** A message as the carrier's list or single read shows it. */
export interface CarrierMessage {
  carrierMessageId: string;
  direction: 'inbound' | 'outbound';
  /** E.164 where it parses, else as given. */
  from: string;
  to: string;
  text: string;
  status: string;
  errorCode?: string;
  errorMessage?: string;
  /** Undefined when the carrier's date can't be read. */
  createdAt?: Date;
  carrierAccountId: string;
}

/** Which of these carrier message ids are stored already. */
export type KnownMessages = (ids: readonly string[]) => ReadonlySet<string> | Promise<ReadonlySet<string>>;

/**
 * Everything the system asks of a carrier. Errors are AppErrors:
 *
 * - `PlatformCredentialsRefused`, `PlatformAccountSuspended`: nothing will work until a person acts
 * - `CarrierRejected`: a definite no to this request, with the carrier's reason verbatim
 * - `CarrierRateLimited`: later, after `retryAfterSeconds`
 * - `PlatformUnavailable`: no usable answer; with `outcome: 'unknown'` the write may have worked, so look before repeating
 *
 * Reads repeat themselves twice on trouble; writes never do.
 */
export interface CarrierPort {
  readonly kind: PlatformKind;
  readonly manifest: CapabilityManifest;

  /** Credentials and application, before a platform is saved. Also throws ConnectorApplicationMissing, InvalidInput (malformed SID). */
  verify(access: PlatformAccess): Promise<VerifiedPlatform>;

  /** The number's record on this account; null when there is none. */
  findNumber(access: PlatformAccess, e164: string): Promise<FoundNumber | null>;
  /** Records a number the customer owns already, bound to the application at once. Also throws NumberHeldElsewhere, ConnectorApplicationMissing. */
  registerNumber(access: PlatformAccess, e164: string, options?: { friendlyName?: string }): Promise<CarrierNumber>;
  /** Binds to the application, clears every other setting, reads back and asserts. Also throws CarrierNumberMissing, NumberBindingFailed, ConnectorApplicationMissing. */
  bindNumber(
    access: PlatformAccess,
    sid: string,
    options?: { fallbackUrl?: string; friendlyName?: string },
  ): Promise<CarrierNumber>;
  /** Null when it is gone. */
  readNumber(access: PlatformAccess, sid: string): Promise<CarrierNumber | null>;
  /** Done when it is gone already. */
  removeNumber(access: PlatformAccess, sid: string): Promise<void>;
  /** Puts settings back as a snapshot has them. Throws CarrierNumberMissing. */
  restoreNumber(access: PlatformAccess, sid: string, snapshot: NumberSnapshot): Promise<void>;
  /** Takes the number off the application and leaves it on the account; done when it is gone already. */
  unbindNumber(access: PlatformAccess, sid: string): Promise<void>;

  /** One request, one message. After `outcome: 'unknown'` ask `findSentMessage`. */
  sendMessage(access: PlatformAccess, request: SendRequest): Promise<SentMessage>;
  /** The message a doubtful send left behind, or null. Null is no proof at once: a slow carrier may store it later. */
  findSentMessage(access: PlatformAccess, probe: SentProbe): Promise<SentMessage | null>;
  /** Null when the carrier doesn't know it. */
  readMessage(access: PlatformAccess, carrierMessageId: string): Promise<CarrierMessage | null>;
  /** Messages received that `known` doesn't name, newest first; ends at the first page that holds none. */
  listInbound(
    access: PlatformAccess,
    span: { sinceDays: number },
    known: KnownMessages,
  ): AsyncGenerator<CarrierMessage>;
}

/** A webhook request, before anything was made of it. */
export interface HookRequest {
  method: string;
  contentType?: string;
  /** Query string without the question mark, still percent-encoded. */
  query: string;
  rawBody: Buffer;
  receivedAt: Date;
}

export interface InboundMessageFact {
  type: 'message.received';
  carrierMessageId: string;
  /** The id is our fingerprint, because the carrier sent none. */
  fingerprint?: true;
  /** E.164 where it parses; short codes and the rest as given. */
  from: string;
  to: string;
  text: string;
  carrierAccountId: string;
  /** The text may have been damaged on its way: read it again with `readMessage`. */
  suspectEncoding?: true;
}
export interface ReceiptFact {
  type: 'receipt.received';
  carrierMessageId: string;
  /** Verbatim. */
  status: string;
  /** Number or name, verbatim. */
  errorCode?: string;
  from?: string;
  to?: string;
}
export type HookFact = InboundMessageFact | ReceiptFact;

export type UnreadableReason =
  'empty' | 'broken-json' | 'unsupported-content-type' | 'missing-fields' | 'conflicting-fields';

export interface ParsedHook {
  facts: HookFact[];
  /** Some or all of it could not be read: keep the raw bytes for a person. */
  unreadable?: { reason: UnreadableReason; detail?: string };
  /** What the carrier wants to hear once the delivery is durable; never an error for our own trouble. */
  reply: { status: number; contentType: string; body: string };
}

export type EnablementState = 'enabled' | 'pending' | 'failed';

/** What the mobile-carrier side says of one number. */
export interface EnablementRecord {
  /** E.164. */
  number: string;
  state: EnablementState;
  /** Opaque; present when pending, if the exchange gave one. */
  jobId: string | null;
  /** Verbatim, when failed. */
  reason: string | null;
  updatedAt: string | null;
  /** Something odd that was tolerated, e.g. a status we don't know. For the log. */
  warning?: string;
}

export type MessageExchangeProfile = 'canonical' | 'teleapi';

/**
 * SMS-enablement with mobile carriers (carrier-message-exchange §4). Errors: ExchangeRejected (a definite no, `details.reason`
 * verbatim), ExchangeAlreadyExists (look it up), ExchangeUnauthorized, ExchangeRateLimited, ExchangeUnavailable, and
 * ExchangeAmbiguous (`outcome: 'unknown'`: it may have worked, look it up).
 */
export interface MessageExchangePort {
  readonly profile: MessageExchangeProfile;
  /** Null when the exchange doesn't know the number. Give the job id if one is held: one profile needs it to tell. */
  lookup(number: string, held?: { jobId?: string | null }): Promise<EnablementRecord | null>;
  add(number: string): Promise<{ jobId: string | null; state: EnablementState }>;
  /** A job that expired is settled by looking the number up; unknown there too is failed with `Job not found`. */
  job(jobId: string, number: string): Promise<EnablementRecord>;
  /** Done when it is gone already; ExchangeAlreadyExists while a job is still running. */
  remove(number: string): Promise<void>;
  /** Absent where the exchange has no such call. */
  verifyToken?(): Promise<void>;
}
