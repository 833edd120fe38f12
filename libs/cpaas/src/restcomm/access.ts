/** Restcomm's own shapes: what a call needs, and a number with every setting that can be put back. */
import type { ExchangeObserver } from '../http.js';

export interface RestcommAccess {
  /** Prefix up to and including `/2012-04-24`. */
  baseUrl: string;
  accountSid: string;
  authToken: string;
  /** Application that numbers are bound to; `UnitySmsConnector` when absent. */
  applicationName?: string;
  /** Absent: `send` takes one segment at most. `passthrough`: 999 characters, for platforms known to join parts. */
  longMessages?: 'passthrough';
  onExchange?: ExchangeObserver;
}

export interface VerifiedAccount {
  accountSid: string;
  applicationSid: string;
  applicationName: string;
  /** Sentences for the operator, e.g. that several applications have the name. */
  warnings: string[];
}

/** Every setting of a number that can be put back. JSON-safe, so a saga journals it. */
export type NumberSnapshot = Record<string, string | boolean | null>;

/** A number as Restcomm holds it. */
export interface CarrierNumber {
  sid: string;
  /** As Restcomm writes it: with or without plus or country code. */
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
