/** Rows as Restcomm keeps them. Names follow the wire, dates are milliseconds since the epoch. */

/** What faults, the journal and the control API call this carrier. */
export const KIND = 'restcomm';

export type AccountStatus = 'active' | 'suspended' | 'closed';

export interface Account {
  sid: string;
  token: string;
  email: string | null;
  friendly_name: string;
  status: AccountStatus;
  parent_sid: string | null;
  /** Register mode looks for duplicates within one organization (§3.3). */
  organization_sid: string;
  /** Message Exchange token; null when the account has none. */
  me_token: string | null;
  date_created: number;
  numbers: Map<string, NumberRow>;
  notifications: Notification[];
}

/** How a Visual Designer application passes a message on (§7.2, §7.3). */
export type ConnectorMode = 'json' | 'form-latin1' | 'get';

export interface Application {
  sid: string;
  /** Null for the shared demo applications. */
  account_sid: string | null;
  friendly_name: string;
  api_version: string;
  voice_caller_id_lookup: boolean;
  rcml_url: string | null;
  kind: 'voice' | 'sms' | 'ussd' | null;
  date_created: number;
  date_updated: number;
  /** Set: the application is a Visual Designer project whose ExternalService step calls `connector_url`. Not on the wire. */
  connector_mode: ConnectorMode | null;
  connector_url: string | null;
}

export const URL_FIELDS = [
  'voice_url',
  'voice_fallback_url',
  'status_callback',
  'sms_url',
  'sms_fallback_url',
  'ussd_url',
  'ussd_fallback_url',
  'refer_url',
] as const;
export const METHOD_FIELDS = [
  'voice_method',
  'voice_fallback_method',
  'status_callback_method',
  'sms_method',
  'sms_fallback_method',
  'ussd_method',
  'ussd_fallback_method',
  'refer_method',
] as const;
export const APPLICATION_FIELDS = [
  'voice_application_sid',
  'sms_application_sid',
  'ussd_application_sid',
  'refer_application_sid',
] as const;
export const CAPABILITY_FIELDS = ['voice_capable', 'sms_capable', 'mms_capable', 'fax_capable'] as const;

export type NumberRow = {
  sid: string;
  account_sid: string;
  friendly_name: string;
  phone_number: string;
  voice_caller_id_lookup: boolean;
  api_version: string;
  date_created: number;
  date_updated: number;
  /** Who provides it: the customer (isSIP=true), the platform's DID provider, or nobody (isSIP with any other value). */
  origin: 'sip' | 'bought' | 'unprovided';
} & Record<(typeof URL_FIELDS)[number], string | null> &
  Record<(typeof METHOD_FIELDS)[number], string> &
  Record<(typeof APPLICATION_FIELDS)[number], string | null> &
  Record<(typeof CAPABILITY_FIELDS)[number], boolean>;

export type MessageStatus = 'queued' | 'sending' | 'sent' | 'failed' | 'received' | 'delivered' | 'undelivered';

export interface Message {
  sid: string;
  account_sid: string;
  from: string;
  to: string;
  body: string;
  status: MessageStatus;
  direction: 'inbound' | 'outbound-api' | 'outbound-call' | 'outbound-reply';
  date_created: number;
  date_updated: number;
  date_sent: number | null;
  error_code: number | null;
  /** Dropped after the last callback. */
  status_callback: string | null;
  /** False once removed on the carrier's side. */
  present: boolean;
}

export interface Notification {
  sid: string;
  account_sid: string;
  date_created: number;
  /** 0 error, 1 warning. */
  log: number;
  error_code: number;
  message_text: string;
  request_url: string;
  request_method: string;
  request_variables: string;
  response_headers: string;
  response_body: string;
}

/** Error names and texts of §4.2. */
export const MESSAGE_ERRORS: Record<number, { name: string; message: string }> = {
  30001: { name: 'QUEUE_OVERFLOW', message: 'Queue overflow' },
  30002: { name: 'ACCOUNT_SUSPENDED', message: 'Account suspended' },
  30003: { name: 'UNREACHABLE_DESTINATION_HANDSET', message: 'Unreachable destination handset' },
  30004: { name: 'MESSAGE_BLOCKED', message: 'Message blocked' },
  30005: { name: 'UNKNOWN_DESTINATION_HANDSET', message: 'Unknown destination handset' },
  30006: { name: 'LANDLINE_OR_UNREACHABLE_CARRIER', message: 'Landline or unreachable carrier' },
  30007: { name: 'CARRIER_VIOLATION', message: 'Carrier violation' },
  30008: { name: 'UNKNOWN_ERROR', message: 'Unknown error' },
  30009: { name: 'MISSING_SEGMENT', message: 'Missing segment' },
  30010: { name: 'MESSAGE_PRICE_EXCEEDS_MAX_PRICE', message: 'Message price exceeds max price.' },
};
