/** Behaviours of other releases and installations of Restcomm (carrier-restcomm §10 "Switchable"), for all accounts at once. */
export interface Switches {
  /** The numbers list is a bare array, as an old release sent it (§3.1). */
  bareNumberList: boolean;
  /** DELETE of a number answers this (§3.5). */
  deleteStatus: 200 | 204;
  /** `uri` fields of every resource carry `/restcomm` (§1.1). */
  uriWithContext: boolean;
  /** Numbers are normalised and long texts cut, or refused with a Java message (§4.1). */
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
  /** Shape of TeleAPI's submit answer: as documented, or as one consumer saw it (Message Exchange §3.1). */
  teleapiSubmit: 'documented' | 'wild';
  sentDelayMs: number;
  deliveredDelayMs: number;
  /** Real to be enabled time of a Message Exchange job, on the virtual clock. */
  jobDelayMs: number;
}

export function defaultSwitches(timings: Partial<Switches> = {}): Switches {
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
    teleapiSubmit: 'documented',
    sentDelayMs: 50,
    deliveredDelayMs: 200,
    jobDelayMs: 10_000,
    ...timings,
  };
}

/** Takes known switches of the right type; names the first that is not. */
export function changeSwitches(switches: Switches, change: Record<string, unknown>): void {
  const known = switches as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(change)) {
    if (!(name in known)) throw new TypeError(`Unknown switch '${name}'`);
    if (typeof value !== typeof known[name]) throw new TypeError(`Switch '${name}' is a ${typeof known[name]}`);
  }
  Object.assign(switches, change);
}
