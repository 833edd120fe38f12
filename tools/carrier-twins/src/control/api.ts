import type { ClockView } from '../clock.js';
import type { EnablementStatus, EnablementView, JobView } from '../exchange/book.js';
import type { Fault, FaultInput } from '../faults.js';
import type { JournalEntry, JournalFilter } from '../journal.js';
import type { InboundInput, InboundResult } from '../restcomm/inbound.js';
import type { AccountStatus, Application, ConnectorMode, Message, Notification, NumberRow } from '../restcomm/types.js';
import type { Switches } from '../switches.js';
import type { WebhookLogEntry } from '../webhooks.js';

export interface ApplicationInput {
  /** Null or absent on creation: a Visual Designer path that reaches nobody. */
  rcml_url?: string | null;
  kind?: 'voice' | 'sms' | 'ussd' | null;
  /** With it the application is a Visual Designer project which calls `connector_url` (default `rcml_url`). */
  connector_mode?: ConnectorMode | null;
  connector_url?: string | null;
}

export interface AccountInput {
  /** Absent: a new one. */
  sid?: string;
  token?: string;
  email?: string | null;
  friendlyName?: string;
  status?: AccountStatus;
  parentSid?: string | null;
  /** Accounts of one organization can't register the same number twice; default one of its own. */
  organizationSid?: string;
  /** Null: the account has no Message Exchange. Default `me-<sid>`. */
  meToken?: string | null;
  /** Replaces the account's applications. A new account without this gets `UnitySmsConnector`. */
  applications?: ({ friendly_name: string } & ApplicationInput)[];
}

export interface AccountView {
  sid: string;
  token: string;
  email: string | null;
  friendlyName: string;
  status: AccountStatus;
  parentSid: string | null;
  organizationSid: string;
  meToken: string | null;
  applications: Application[];
  numbers: number;
  notifications: Notification[];
}

/** A number that is already there, with any of its fields. */
export type NumberInput = { accountSid: string; phone_number: string } & Partial<
  Omit<NumberRow, 'sid' | 'account_sid' | 'phone_number'>
>;

export type MessageView = Omit<Message, 'status_callback' | 'present'>;

export interface MessageFilter {
  accountSid?: string;
  direction?: 'inbound' | 'outbound';
  /** Compared by digits, a leading 1 ignored. */
  to?: string;
  from?: string;
  /** Newest first; default 100. */
  limit?: number;
}

export interface BatchInput {
  accountSid?: string;
  /** Taken in turn. */
  to: string[];
  from: string[];
  count: number;
  /** Default: as fast as it goes. */
  ratePerSecond?: number;
  /** Webhooks under way at once; default 32. */
  concurrency?: number;
  /** `{n}` becomes the message's index; default `Batch message {n}`. */
  body?: string;
  /** Return every SmsSid; default false. */
  listSids?: boolean;
}

export interface BatchResult {
  sent: number;
  delivered: number;
  failed: number;
  durationMs: number;
  perSecond: number;
  /** Webhook latency, milliseconds. */
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  smsSids?: string[];
}

export interface StateView {
  clock: ClockView;
  switches: Switches;
  accounts: AccountView[];
  numbers: number;
  messages: number;
  /** Outbound messages without their last state yet. */
  messagesWaiting: number;
  webhooksInFlight: number;
  exchangeNumbers: EnablementView[];
  faults: Fault[];
}

/** What `GET /control/exchange/numbers/{n}` tells: state, and its job when it has one. */
export interface ExchangeNumberView extends EnablementView {
  job: JobView | null;
}

/** The same in-process (`startTwins().control`) and over HTTP (`TwinsClient`). Numbers may be written in any form. */
export interface TwinsControl {
  putAccount(account: AccountInput): Promise<AccountView>;
  account(sid: string): Promise<AccountView | undefined>;
  /** Changes the application of this name, or creates it. */
  putApplication(accountSid: string, name: string, application: ApplicationInput): Promise<Application>;
  deleteApplication(accountSid: string, name: string): Promise<void>;
  addFault(fault: FaultInput): Promise<Fault>;
  faults(): Promise<Fault[]>;
  /** One, or all. */
  clearFaults(id?: string): Promise<void>;
  /** Resolves when the webhook attempts are over. */
  inbound(message: InboundInput): Promise<InboundResult>;
  inboundBatch(batch: BatchInput): Promise<BatchResult>;
  clock(change?: { advanceMs?: number; freeze?: boolean }): Promise<ClockView>;
  state(): Promise<StateView>;
  putNumber(number: NumberInput): Promise<NumberRow>;
  numbers(filter?: { accountSid?: string; phone?: string }): Promise<NumberRow[]>;
  messages(filter?: MessageFilter): Promise<MessageView[]>;
  requests(filter?: JournalFilter): Promise<JournalEntry[]>;
  webhooks(filter?: { limit?: number; messageSid?: string }): Promise<WebhookLogEntry[]>;
  /** Without an account: whichever holds it. Does not act out a scenario. */
  exchangeNumber(number: string, accountSid?: string): Promise<ExchangeNumberView | undefined>;
  setExchangeNumber(
    number: string,
    state: { status: EnablementStatus | 'absent'; reason?: string; jobId?: string | null; accountSid?: string },
  ): Promise<ExchangeNumberView | undefined>;
  setExchangeJob(
    jobId: string,
    state: { status: 'pending' | 'completed' | 'failed'; reason?: string },
  ): Promise<JobView>;
  switches(change?: Partial<Switches>): Promise<Switches>;
  reset(): Promise<void>;
}

/** Refused by the control API. */
export class ControlError extends Error {
  constructor(
    readonly status: 400 | 404,
    message: string,
  ) {
    super(message);
  }
}
