/** The carrier port: everything the system asks of a carrier, in parts. What a carrier lacks is absent. */
import type { HookFact } from '@strowger/contracts-ingestion';
import type { AppError, Clock, SerializedError } from '@strowger/kernel';
import type { ReceiptMeaning, SmsEncoding } from '@strowger/sms';
import type { ExchangeCredentials } from './exchange/port.js';
import type { CarrierHttpOptions, ExchangeObserver } from './http.js';

/**
 * - `split`: separate requests of at most one segment each
 * - `passthrough`: one request, whatever the length; the carrier splits and joins
 */
export type LongMessages = 'split' | 'passthrough';

/** What a carrier is called and can do. Forms, validation, defaults and documents derive from it. */
export interface CarrierManifest {
  /** In URLs, events and rows, for ever: lower case and dashes. */
  kind: string;
  /** As people call it; a platform's name unless another is given. */
  label: string;
  mms: boolean;
  whatsapp: boolean;
  longMessages: LongMessages;
  /** Messages a second that a new platform starts with. */
  ratePerSecond: number;
}

/** What the installation says about calls to a carrier, beside the credentials. */
export interface CarrierSettings {
  /** Application that numbers are bound to, where the carrier has such. */
  applicationName?: string;
}

/**
 * What one call needs of a platform: where it is and the opened credentials. Never logged, never stored like this.
 * `Api` is what the carrier's `connect` made for this process.
 */
export interface CarrierAccess<Credentials extends object = object, Api extends CarrierApi = CarrierApi> {
  /** From the installation's allowed list. */
  baseUrl: string;
  credentials: Credentials;
  settings: CarrierSettings;
  api: Api;
  /** Notified of every call made with this access, after it ended. */
  onExchange?: ExchangeObserver;
}

/** A webhook request, before anything was made of it. */
export interface HookRequest {
  method: string;
  contentType?: string;
  /** Those of the hook's allow list, names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** Query string without the question mark, still percent-encoded. */
  query: string;
  rawBody: Buffer;
  receivedAt: Date;
  /** The account the webhook is for: what a delivery that names none belongs to. */
  account: string;
}

export type UnreadableReason =
  'empty' | 'broken-json' | 'unsupported-content-type' | 'missing-fields' | 'conflicting-fields';

export interface HookReply {
  status: number;
  contentType?: string;
  body: string;
}

export interface ParsedHook {
  facts: HookFact[];
  /** Some or all of it could not be read: keep the raw bytes for a person. */
  unreadable?: { reason: UnreadableReason; detail?: string };
  /** What the carrier wants to hear once the delivery is durable; never an error for our own trouble. */
  reply: HookReply;
}

/** What proves that a webhook comes from the carrier, beside the token in its address. */
export interface HookAuthentication<Credentials extends object = object> {
  /**
   * Headers whose value is itself a secret, such as a shared key, in lower case: `refusal` sees them, nothing keeps them.
   * What only proves one delivery, such as a signature, belongs into `CarrierHook.headers`.
   */
  secretHeaders?: readonly string[];
  /** Taken from the credentials and given, sealed, to the service that receives webhooks. */
  keys(credentials: Credentials): string[];
  /**
   * Why the request is refused, in a few words for the counter (`bad-signature`); undefined when it is genuine. Any of
   * the keys may prove it. Compares in constant time.
   */
  refusal(request: HookRequest, keys: readonly string[]): string | undefined;
}

/** A carrier's webhooks: pure functions of the request, some tens of thousands a second. */
export interface CarrierHook<Credentials extends object = object> {
  /** Largest body that is read; the installation's own limit may be lower. */
  bodyLimitBytes: number;
  /** Headers that are stored with the delivery, for authentication and as evidence; in lower case. None holds a secret. */
  headers: readonly string[];
  /** Absent where the carrier signs nothing: then the token in the address is the only proof. */
  authentication?: HookAuthentication<Credentials>;
  /** The facts of a delivery. Never throws on what a carrier sends. */
  read(request: HookRequest): ParsedHook;
  /** For a delivery that `read` failed on, which is our mistake and not the carrier's. */
  reply: HookReply;
}

export interface NumberToProvision {
  e164: string;
  friendlyName: string;
}

/** What a step of provisioning is given. `output` has what earlier steps returned, as JSON brought it back. */
export interface NumberStepContext<Access, Output> {
  access: Access;
  number: NumberToProvision;
  /** Where the carrier must send messages for this number; holds a token, so it is a secret. */
  webhookUrl(): Promise<string>;
  output: Output;
  signal?: AbortSignal;
  /** After a write with an unknown outcome: looks until something is found, and gives up after a while. */
  lookAgain<T>(look: () => Promise<T | null>): Promise<T | undefined>;
}
export interface NumberUndoContext<Access, Output> extends NumberStepContext<Access, Output> {
  /** Why the work is undone. With `outcome: 'unknown'` the failed step may have worked. */
  failure: AppError;
  failedStep: string;
}

/** One remote step of provisioning a number, beside its undo. Each may run twice; results survive JSON and hold no secret. */
export interface NumberStep<Access, Output, Name extends string, Result> {
  run(c: NumberStepContext<Access, Output>): Promise<Result>;
  /** Looks whether an earlier try with an unknown outcome worked; undefined when it did not. */
  probe?(c: NumberStepContext<Access, Output>): Promise<Result | undefined>;
  /** Resolves to whether there was anything to undo. */
  undo?(c: NumberUndoContext<Access, Output & { readonly [K in Name]?: Result }>): Promise<boolean>;
  /** The sentences of the number's timeline. */
  says: { done(result: Result): string; found?(found: boolean): string; undone?(undone: boolean): string };
  /** What a person is shown when the number failed here, where "could not be added" doesn't fit. @param label of the carrier */
  problem?(label: string, error: SerializedError): AppError;
}

/** A step with its types erased, as the saga takes it. */
export interface CarrierNumberStep {
  readonly name: string;
  readonly step: NumberStep<CarrierAccess, unknown, string, unknown>;
}

/** How a number ended up at the carrier. */
export interface ProvisionedAt {
  /** The carrier's id of its record, or the number itself where the carrier has none. */
  carrierSid: string;
  /** False when the record was there before us: then it is restored and unbound, never removed. */
  createdByUs: boolean;
}

export interface NumberRelease<Access> {
  run(access: Access, number: ProvisionedAt & { e164: string }): Promise<void>;
  says: { done(createdByUs: boolean): string };
}

/** Putting numbers on a platform and taking them off again. */
export interface CarrierProvisioning<Access = CarrierAccess> {
  readonly steps: readonly CarrierNumberStep[];
  /** From the outputs of the finished steps; undefined before the record is known. */
  result(output: Readonly<Record<string, unknown>>): ProvisionedAt | undefined;
  /** Safe to repeat, done when the number is gone already. */
  readonly release: NumberRelease<Access>;
}

/** The steps of one carrier, typed so that each sees what the earlier ones returned. */
export class NumberSteps<Access, Output = unknown> {
  constructor(private readonly steps: readonly CarrierNumberStep[] = []) {}

  step<Name extends string, Result>(
    name: Name,
    step: NumberStep<Access, Output, Name, Result>,
  ): NumberSteps<Access, Output & { readonly [K in Name]: Result }> {
    return new NumberSteps([...this.steps, { name, step } as unknown as CarrierNumberStep]);
  }

  end(
    result: (output: Partial<Output>) => ProvisionedAt | undefined,
    release: NumberRelease<Access>,
  ): CarrierProvisioning<Access> {
    return { steps: this.steps, result: result as CarrierProvisioning['result'], release };
  }
}

export interface SendRequest {
  /** E.164, one of our numbers. */
  from: string;
  /** E.164 or short code. */
  to: string;
  /** At most one segment, unless the carrier passes long messages through. */
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

/** Sending, and whatever looks at messages the carrier keeps. */
export interface CarrierMessages<Access = CarrierAccess> {
  /** One request, one message. After `outcome: 'unknown'` ask `probe`, where there is one. */
  send(access: Access, request: SendRequest): Promise<SentMessage>;
  /** The message a doubtful send left behind, or null. Null proves nothing at once: a slow carrier may store it later. */
  probe?(access: Access, probe: SentProbe): Promise<SentMessage | null>;
  /** Null when the carrier doesn't know it. */
  read?(access: Access, carrierMessageId: string): Promise<CarrierMessage | null>;
  /** Messages received that `known` doesn't name, newest first; ends at the first page that holds none. */
  listInbound?(access: Access, span: { sinceDays: number }, known: KnownMessages): AsyncGenerator<CarrierMessage>;
}

export interface ConnectOptions extends CarrierHttpOptions {
  clock?: Clock;
}

/** What `connect` makes for a process: connections and caches. */
export interface CarrierApi {
  /** Ends idle connections, after calls in flight. */
  close(): Promise<void>;
}

/**
 * A carrier: one folder, one line in the registry. Errors of every call are AppErrors:
 *
 * - `PlatformCredentialsRefused`, `PlatformAccountSuspended`: nothing will work until a person acts
 * - `CarrierRejected`: a definite refusal of this request, with the carrier's reason verbatim
 * - `CarrierRateLimited`: later, after `retryAfterSeconds`
 * - `PlatformUnavailable`: no usable answer; with `outcome: 'unknown'` the write may have worked, so look before repeating
 *
 * Reads repeat themselves on trouble; writes never do.
 */
export interface Carrier<Credentials extends object = object, Api extends CarrierApi = CarrierApi> {
  readonly manifest: CarrierManifest;
  /** A class-validator class whose fields are marked with `@Credential`. */
  readonly credentials: new () => Credentials;
  /** SMS enablement beside the carrier, when these credentials ask for it. */
  exchange?(credentials: Credentials): ExchangeCredentials | undefined;
  /** Connections of this carrier for the whole process. */
  connect(options: ConnectOptions): Api;
  /** Credentials and whatever else must be in place; resolves to sentences for the operator. Absent where it can't be asked. */
  verify?(access: CarrierAccess<Credentials, Api>): Promise<{ warnings: string[] }>;
  readonly hook: CarrierHook<Credentials>;
  /** What the carrier's status and error words mean. Absent where there are no receipts. */
  receipts?(status: string, errorCode?: string): ReceiptMeaning;
  readonly provisioning: CarrierProvisioning<CarrierAccess<Credentials, Api>>;
  readonly messages: CarrierMessages<CarrierAccess<Credentials, Api>>;
}

/**
 * Erases a carrier's own types. Sound because an access is made in one place (`Carriers.open`), from the credentials
 * class and the `connect` of the same carrier.
 */
export const defineCarrier = <Credentials extends object, Api extends CarrierApi>(
  carrier: Carrier<Credentials, Api>,
): Carrier => carrier as unknown as Carrier;
