import { booleanOf, intOf, ParameterInvalid, Unconvertible, type Values } from './bind.js';
import { decode, type MediaType } from './charset.js';
import { SoapFault } from './faults.js';
import { OPERATION_BY_NAME, SORTED_OPERATIONS, type Operation } from './registry.js';
import type { SoapSettings } from './settings.js';

/** A form post that can't become a call; answered as one line of plain text. */
export class FormError extends Error {
  constructor(
    message: string,
    readonly status = 500,
  ) {
    super(message);
  }
}

/** @throws FormError when there is no method of that name */
export function formOperation(name: string): Operation {
  const operation = OPERATION_BY_NAME.get(name);
  if (operation) return operation;
  const shown = oneLine(name);
  const same = SORTED_OPERATIONS.find((o) => o.name.toLowerCase() === name.toLowerCase());
  throw new FormError(
    `${shown} Web Service method name is not valid.${same ? ` Method names are case-sensitive: the method is called ${same.name}.` : ''}`,
  );
}

const MEDIA = 'application/x-www-form-urlencoded';

/**
 * The values of a form post. Every parameter must be there as a field, even if empty.
 * @throws FormError, ParameterInvalid (a field given twice)
 */
export function readForm(operation: Operation, media: MediaType, body: Buffer): Values {
  if (media.type !== MEDIA) throw new FormError(`Request format is invalid: ${oneLine(media.type)}.`);
  // A line break that ends the body, as some clients add, is part of no field.
  const sent = fieldsOf(operation, textOf(body, media.charset).replace(/\r?\n$/, ''));
  return operation.params.map(({ name, type }, at) => {
    const value = sent[at];
    if (value === undefined) throw new FormError(`Missing parameter: ${name}.`);
    try {
      return type === 'string' ? value : type === 'int' ? intOf(value) : booleanOf(value, true);
    } catch (error) {
      if (!(error instanceof Unconvertible)) throw error;
      throw new FormError(`Cannot convert ${oneLine(value)} to System.${type === 'int' ? 'Int32' : 'Boolean'}.`);
    }
  });
}

function textOf(body: Buffer, charset: string | undefined): string {
  try {
    return decode(body, charset || 'utf-8');
  } catch (error) {
    if (error instanceof SoapFault) throw new FormError(`Request format is invalid: not ${charset || 'utf-8'}.`, 400);
    throw error;
  }
}

function fieldsOf({ params, positions }: Operation, text: string): (string | undefined)[] {
  const sent = new Array<string | undefined>(params.length).fill(undefined);
  const spellings = new Array<string>(params.length);
  for (let from = 0; from <= text.length;) {
    const next = text.indexOf('&', from);
    const end = next < 0 ? text.length : next;
    const equals = text.indexOf('=', from);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    // No name of ours is long; what is can be skipped unread.
    const name = nameEnd - from > 128 ? '' : decoded(text.slice(from, nameEnd));
    const at = positions.get(name);
    if (at !== undefined) {
      const value = decoded(text.slice(Math.min(nameEnd + 1, end), end));
      if (sent[at] !== undefined && (spellings[at] === name || sent[at] !== value))
        throw new ParameterInvalid(params[at]!.name, 'was given more than once');
      sent[at] = value;
      spellings[at] = name;
    }
    from = end + 1;
  }
  return sent;
}

/** .NET's form proxies send what is beyond ASCII as `%uXXXX`, a UTF-16 unit each, and ASP.NET reads it so. */
const UNIT = /%u([\da-f]{4})/gi;

function decoded(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  if (!spaced.includes('%')) return spaced;
  try {
    if (!/%u/i.test(spaced)) return decodeURIComponent(spaced);
    // Split by a pattern with a group, every second part is what the group caught.
    return spaced
      .split(UNIT)
      .map((part, i) => (i % 2 ? String.fromCharCode(Number.parseInt(part, 16)) : decodeURIComponent(part)))
      .join('');
  } catch {
    throw new FormError('Request format is invalid: a field is not percent-encoded UTF-8.', 400);
  }
}

const oneLine = (text: string): string => text.replaceAll(/[^\P{C}]+/gu, ' ').slice(0, 100);

export interface FormHead {
  host: string | undefined;
  origin: string | undefined;
  /** `Sec-Fetch-Site` */
  site: string | undefined;
}

/**
 * A form can be posted from any web page, also by a browser that sits behind an address on somebody's list, and a wrong
 * password locks the account. So what comes from another site is refused. Our own help page asks browsers to send no
 * referrer, which makes its `Origin` the word null; what counts then is `Sec-Fetch-Site`, which pages can't set.
 */
export function isCrossSite({ host, origin, site }: FormHead, { publicUrls }: SoapSettings): boolean {
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  if (origin === undefined) return false;
  if (origin === 'null') return site === undefined;
  if (publicUrls.some((url) => url.origin === origin)) return false;
  // Under another name of this machine: only names that nobody else can point at it.
  if (!URL.canParse(origin)) return true;
  const { host: from, hostname } = new URL(origin);
  return from !== host?.toLowerCase() || !/^(?:localhost|\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\])$/.test(hostname);
}
