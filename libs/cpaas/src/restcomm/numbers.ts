import { nationalDigits } from '@strowger/kernel';
import { CarrierRejected, PlatformUnavailable } from '../errors.js';
import type { CarrierNumber, FoundNumber, NumberSnapshot, RestcommAccess } from './access.js';
import { RESTCOMM } from './answers.js';
import type { ConnectorApplication } from './applications.js';
import { type Json, pages, type RestcommClient, str } from './client.js';
import { CarrierNumberMissing, NumberBindingFailed, NumberHeldElsewhere } from './errors.js';

const LIST = 'IncomingPhoneNumbers';
const one = (sid: string): string => `${LIST}/${encodeURIComponent(sid)}`;
/** The documents say 64, the schema 256. */
const LONGEST_NAME = 64;

/** Parameters of an update beside the field that shows them. An empty value clears; methods can't be cleared, only reset. */
const SETTINGS = [
  ['SmsApplicationSid', 'sms_application_sid'],
  ['SmsMethod', 'sms_method'],
  ['SmsUrl', 'sms_url'],
  ['SmsFallbackUrl', 'sms_fallback_url'],
  ['SmsFallbackMethod', 'sms_fallback_method'],
  ['VoiceUrl', 'voice_url'],
  ['VoiceMethod', 'voice_method'],
  ['VoiceFallbackUrl', 'voice_fallback_url'],
  ['VoiceFallbackMethod', 'voice_fallback_method'],
  ['VoiceApplicationSid', 'voice_application_sid'],
  ['VoiceCallerIdLookup', 'voice_caller_id_lookup'],
  ['StatusCallback', 'status_callback'],
  ['StatusCallbackMethod', 'status_callback_method'],
  ['UssdUrl', 'ussd_url'],
  ['UssdMethod', 'ussd_method'],
  ['UssdFallbackUrl', 'ussd_fallback_url'],
  ['UssdFallbackMethod', 'ussd_fallback_method'],
  ['UssdApplicationSid', 'ussd_application_sid'],
  ['ReferUrl', 'refer_url'],
  ['ReferMethod', 'refer_method'],
  ['ReferApplicationSid', 'refer_application_sid'],
] as const;

const cleared = (parameter: string): string =>
  parameter.endsWith('Method') ? 'POST' : parameter === 'VoiceCallerIdLookup' ? 'false' : '';

/** Digits without the country code: `+12012010580`, `12012010580` and `2012010580` are one number. */
function bareDigits(number: string): string {
  const digits = number.replaceAll(/\D/g, '');
  return digits.length === 11 && digits.startsWith('1') ? digits.slice(1) : digits;
}

/** Calls on a Restcomm account's numbers (carrier-restcomm §3). */
export class RestcommNumbers {
  constructor(private readonly client: RestcommClient) {}

  /** The search is a substring match, so rows are compared digit by digit; a longer number that contains ours is none. */
  async find(access: RestcommAccess, e164: string): Promise<FoundNumber | null> {
    const digits = bareDigits(e164);
    const found: CarrierNumber[] = [];
    for await (const rows of pages(this.client, access, LIST, 'incomingPhoneNumbers', {
      PhoneNumber: nationalDigits(e164),
    }))
      for (const number of rows.map(numberOf))
        if (number && bareDigits(number.phoneNumber) === digits) found.push(number);
    const best = found.find((number) => number.phoneNumber === `1${digits}`) ?? found[0];
    if (!best) return null;
    return { ...best, duplicateSids: [...new Set(found.map(({ sid }) => sid))].filter((sid) => sid !== best.sid) };
  }

  /**
   * `isSIP=true` records a number the customer owns; without it Restcomm would buy one. Stored verbatim, so always eleven
   * digits. No empty value goes along: an empty sid answers 500 here.
   */
  async register(
    access: RestcommAccess,
    e164: string,
    name: string | undefined,
    app: ConnectorApplication,
  ): Promise<CarrierNumber> {
    const form = new URLSearchParams({
      PhoneNumber: e164.replace('+', ''),
      FriendlyName: (name || nationalDigits(e164)).slice(0, LONGEST_NAME),
      isSIP: 'true',
      SmsApplicationSid: app.sid,
      SmsMethod: 'POST',
    });
    try {
      const created = numberOf((await this.client.write(access, LIST, form)) ?? {});
      if (created) return created;
      throw new PlatformUnavailable(RESTCOMM, 'unreadable answer', { outcome: 'unknown' });
    } catch (error) {
      if (error instanceof CarrierRejected && error.details['carrierCode'] === '21452')
        throw new NumberHeldElsewhere(RESTCOMM, e164);
      throw error;
    }
  }

  /** A number that stands as it should, such as one registered a moment ago, is only read. */
  async bind(
    access: RestcommAccess,
    sid: string,
    app: ConnectorApplication,
    options: { fallbackUrl?: string; friendlyName?: string },
  ): Promise<CarrierNumber> {
    const form = new URLSearchParams(SETTINGS.map(([parameter]): [string, string] => [parameter, cleared(parameter)]));
    form.set('SmsApplicationSid', app.sid);
    if (options.fallbackUrl) form.set('SmsFallbackUrl', options.fallbackUrl);
    if (options.friendlyName) form.set('FriendlyName', options.friendlyName.slice(0, LONGEST_NAME));
    const before = await this.read(access, sid);
    if (!before) throw new CarrierNumberMissing(RESTCOMM, sid);
    if (stands(before.snapshot, form)) return before;
    await this.update(access, sid, form);
    const number = await this.read(access, sid);
    if (!number) throw new CarrierNumberMissing(RESTCOMM, sid);
    // Restcomm takes any well-formed sid, and a number bound to none silently routes nowhere.
    if (number.applicationSid !== app.sid) throw new NumberBindingFailed(RESTCOMM, sid, app.sid, number.applicationSid);
    return number;
  }

  async read(access: RestcommAccess, sid: string): Promise<CarrierNumber | null> {
    const row = await this.client.read(access, one(sid), {}, [404]);
    if (row === undefined) return null;
    const number = numberOf(row as Json);
    if (!number) throw new PlatformUnavailable(RESTCOMM, 'unreadable answer');
    return number;
  }

  remove(access: RestcommAccess, sid: string): Promise<void> {
    return this.client.remove(access, one(sid));
  }

  /** Every field explicitly, empty for null; a method that was null can't come back and becomes POST. */
  async restore(access: RestcommAccess, sid: string, snapshot: NumberSnapshot): Promise<void> {
    const form = new URLSearchParams();
    for (const [parameter] of SETTINGS) {
      const value = snapshot[parameter];
      form.set(parameter, value === null || value === undefined || value === '' ? cleared(parameter) : String(value));
    }
    const name = snapshot['FriendlyName'];
    if (typeof name === 'string' && name !== '') form.set('FriendlyName', name);
    await this.update(access, sid, form);
  }

  async unbind(access: RestcommAccess, sid: string): Promise<void> {
    await this.client.write(access, one(sid), new URLSearchParams({ SmsApplicationSid: '' }), [404]);
  }

  private async update(access: RestcommAccess, sid: string, form: URLSearchParams): Promise<void> {
    const updated = await this.client.write(access, one(sid), form, [404]);
    if (updated === undefined) throw new CarrierNumberMissing(RESTCOMM, sid);
  }
}

/** Whether an update with `form` would change nothing that counts. What a release doesn't know is null and counts as cleared. */
const stands = (snapshot: NumberSnapshot, form: URLSearchParams): boolean =>
  [...form].every(([parameter, wanted]) => {
    const now = snapshot[parameter] ?? (parameter === 'SmsMethod' ? '' : cleared(parameter));
    return String(now) === wanted;
  });

function numberOf(row: Json): CarrierNumber | undefined {
  const sid = str(row, 'sid');
  const phoneNumber = str(row, 'phone_number');
  if (!sid || phoneNumber === undefined) return undefined;
  const snapshot: NumberSnapshot = { FriendlyName: str(row, 'friendly_name') ?? null };
  for (const [parameter, field] of SETTINGS) {
    const value = row[field];
    snapshot[parameter] = typeof value === 'string' || typeof value === 'boolean' ? value : null;
  }
  const applicationSid = str(row, 'sms_application_sid') || null;
  return { sid, phoneNumber, friendlyName: str(row, 'friendly_name') ?? phoneNumber, applicationSid, snapshot };
}
