import type { TwinsOptions } from '../options.js';

/** Behaviors of other releases and installations of Restcomm (carrier-restcomm §10 "Switchable"), for all accounts at once. */
export interface RestcommSwitches {
  /** The numbers list is a bare array, as an old release sent it (§3.1). */
  bareNumberList: boolean;
  /** DELETE of a number answers this (§3.5). */
  deleteStatus: 200 | 204;
  /** `uri` fields of every resource carry `/restcomm` (§1.1). */
  uriWithContext: boolean;
  /** Numbers are normalized and long texts cut, or refused with a Java message (§4.1). */
  normaliseAndTruncate: boolean;
  /** Messages never get past `sent` (§4.2). */
  noDlr: boolean;
  /** `error_code`, `error_message` and `date_sent` are explicit nulls (§4). */
  explicitNulls: boolean;
  /** Every request meets the container's error page (§1.4). */
  html500: boolean;
  /** Every answer waits this long. */
  slowMs: number;
  /** Sending is refused with SMS_LIMIT_EXCEEDED (§4). */
  smsLimitExceeded: boolean;
  /** Buying is refused with DID_QUOTA_EXCEEDED (§3.3). */
  didQuotaExceeded: boolean;
  /** A list carries the paging metadata of the list before it (§3.1). */
  racyPaging: boolean;
  /** Every status callback is posted twice. */
  duplicateCallbacks: boolean;
  /** The final callback comes before `sent`. */
  reorderCallbacks: boolean;
  /** A number bound to an application that is gone falls through to `sms_url` (smpp) or raises 12003 (sip) (§6.4). */
  inboundPath: 'smpp' | 'sip';
  /** The server's time zone, which callers can't know (§6.2). */
  utcOffsetMinutes: number;
  sentDelayMs: number;
  deliveredDelayMs: number;
}

export function defaultSwitches({ sentDelayMs = 50, deliveredDelayMs = 200 }: TwinsOptions): RestcommSwitches {
  return {
    bareNumberList: false,
    deleteStatus: 204,
    uriWithContext: false,
    normaliseAndTruncate: false,
    noDlr: false,
    explicitNulls: false,
    html500: false,
    slowMs: 0,
    smsLimitExceeded: false,
    didQuotaExceeded: false,
    racyPaging: false,
    duplicateCallbacks: false,
    reorderCallbacks: false,
    inboundPath: 'smpp',
    utcOffsetMinutes: 0,
    sentDelayMs,
    deliveredDelayMs,
  };
}
