import type { Clock } from '@strowger/kernel';
import { nationalDigits } from '@strowger/kernel';
import { analyze } from '@strowger/sms';
import { MessageTooLong, PlatformUnavailable } from '../errors.js';
import type { CarrierMessage, KnownMessages, SendRequest, SentMessage, SentProbe } from '../carrier.js';
import { carrierNumber, carrierText } from '../number-text.js';
import type { RestcommAccess } from './access.js';
import { RESTCOMM } from './answers.js';
import { type Json, pages, type RestcommClient, str } from './client.js';

const LIST = 'SMS/Messages';
const NEWEST_FIRST = { SortBy: 'DateCreated:desc' };
const DAY = 86_400_000;
/** How far the carrier's clock may be behind ours. */
const SKEW = 120_000;
/** Column width; a longer body answers 500. */
const LONGEST_BODY = 999;

/** Days are the server's, whose zone nobody knows, so spans are a day wider than asked. */
const day = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** Our numbers are registered as eleven digits; destinations go as the documents say, E.164. */
const ownNumber = (e164: string): string => e164.replace(/^\+/, '');
/** The filter is a suffix match. */
const suffix = (number: string): string => (number.startsWith('+') ? nationalDigits(number) : number);

/** Sending and reading messages (carrier-restcomm §4, §6.2). */
export class RestcommMessages {
  constructor(
    private readonly client: RestcommClient,
    private readonly clock: Clock,
  ) {}

  async send(access: RestcommAccess, request: SendRequest): Promise<SentMessage> {
    const { encoding: own, units } = analyze(request.body);
    const encoding = own === 'UCS-2' ? own : (request.encoding ?? own);
    if (access.longMessages === 'passthrough') {
      if (request.body.length > LONGEST_BODY) throw new MessageTooLong(RESTCOMM, LONGEST_BODY);
    } else {
      const limit = encoding === 'GSM-7' ? 160 : 70;
      if ((encoding === own ? units : request.body.length) > limit) throw new MessageTooLong(RESTCOMM, limit);
    }
    const form = new URLSearchParams({
      From: ownNumber(request.from),
      To: request.to,
      Body: request.body,
      Encoding: encoding === 'GSM-7' ? 'GSM' : 'UCS-2',
    });
    if (request.statusCallbackUrl) form.set('StatusCallback', request.statusCallbackUrl);
    const sent = sentOf((await this.client.write(access, LIST, form)) ?? {}, request.body);
    // It answered, so it took the message; which one, nobody knows now.
    if (!sent) throw new PlatformUnavailable(RESTCOMM, 'unreadable answer', { outcome: 'unknown' });
    return sent;
  }

  /** Oldest match at or after `since`: the doubtful request came before anything sent later. */
  async findSent(access: RestcommAccess, { from, to, body, since, exclude }: SentProbe): Promise<SentMessage | null> {
    const earliest = since.getTime() - SKEW;
    const query = { From: suffix(from), To: suffix(to), StartTime: day(earliest - DAY), ...NEWEST_FIRST };
    let found: SentMessage | null = null;
    for await (const rows of pages(this.client, access, LIST, 'messages', query)) {
      for (const row of rows) {
        const message = messageOf(row);
        if (!message || message.direction !== 'outbound' || !message.createdAt) continue;
        if (message.createdAt.getTime() < earliest) return found;
        const same = carrierNumber(message.from) === from && carrierNumber(message.to) === to;
        const sent = sentOf(row, body);
        if (same && sent && isBodyOf(sent.body, body) && !exclude?.has(sent.carrierMessageId)) found = sent;
      }
    }
    return found;
  }

  async read(access: RestcommAccess, id: string): Promise<CarrierMessage | null> {
    const row = await this.client.read(access, `${LIST}/${encodeURIComponent(id)}`, {}, [404]);
    return row === undefined ? null : (messageOf(row as Json) ?? null);
  }

  /**
   * The recovery loop: the record is stored before the webhook is tried, and the webhook is tried once. New rows shift the
   * pages, so rows may come twice and are distinguished by id.
   */
  async *listInbound(access: RestcommAccess, sinceDays: number, known: KnownMessages): AsyncGenerator<CarrierMessage> {
    const now = this.clock.now().getTime();
    const span = { StartTime: day(now - Math.max(1, Math.ceil(sinceDays)) * DAY), EndTime: day(now + DAY) };
    const given = new Set<string>();
    for await (const rows of pages(this.client, access, LIST, 'messages', { ...span, ...NEWEST_FIRST })) {
      const inbound = rows.map(messageOf).filter((message) => message?.direction === 'inbound');
      const messages = inbound.filter((message) => message !== undefined);
      const stored = await known(messages.map(({ carrierMessageId }) => carrierMessageId));
      const fresh = messages.filter(({ carrierMessageId: id }) => !stored.has(id) && !given.has(id));
      for (const message of fresh) {
        given.add(message.carrierMessageId);
        yield message;
      }
      if (messages.length > 0 && messages.every(({ carrierMessageId: id }) => stored.has(id))) return;
    }
  }
}

/** The carrier may keep the first 159 characters and drop the rest without a word (§4.1). */
const isBodyOf = (kept: string, sent: string): boolean =>
  kept === sent || (kept.length === 159 && sent.startsWith(kept));

function sentOf(row: Json, asked: string): SentMessage | undefined {
  const carrierMessageId = str(row, 'sid');
  if (!carrierMessageId) return undefined;
  const body = str(row, 'body') ?? asked;
  return { carrierMessageId, body, truncated: body !== asked, status: str(row, 'status') ?? '' };
}

function messageOf(row: Json): CarrierMessage | undefined {
  const carrierMessageId = str(row, 'sid');
  if (!carrierMessageId) return undefined;
  const created = Date.parse(str(row, 'date_created') ?? '');
  const errorCode = str(row, 'error_code');
  const errorMessage = str(row, 'error_message');
  return {
    carrierMessageId,
    // The source says `inbound`, the documents `incoming`.
    direction: /^in/i.test(str(row, 'direction') ?? '') ? 'inbound' : 'outbound',
    from: carrierNumber(str(row, 'from') ?? ''),
    to: carrierNumber(str(row, 'to') ?? ''),
    text: carrierText(str(row, 'body') ?? ''),
    status: str(row, 'status') ?? '',
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(errorMessage === undefined ? {} : { errorMessage }),
    ...(Number.isNaN(created) ? {} : { createdAt: new Date(created) }),
    carrierAccountId: str(row, 'account_sid') ?? '',
  };
}
