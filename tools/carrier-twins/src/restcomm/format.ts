import { randomUUID } from 'node:crypto';
import { type Call, escapeXml, type Reply } from '../wire.js';

/** JSON when the path ended in `.json` or Accept says so, else XML (§1.3). */
export interface Representation {
  asJson: boolean;
}

export const representationOf = (call: Call): Representation => ({
  asJson: call.path.endsWith('.json') || /json/i.test(call.headers.accept ?? ''),
});

/** `tag` names the XML element; `pretty` printing is Restcomm's own. */
export function render({ asJson }: Representation, tag: string, value: unknown, attributes = ''): Reply {
  if (asJson) return { status: 200, type: 'application/json', body: JSON.stringify(value, null, 2) };
  const body = `<RestcommResponse>\n${xml(tag, value, attributes)}</RestcommResponse>`;
  return { status: 200, type: 'application/xml', body };
}

const pascal = (name: string): string =>
  name.replace(/(^|_)([a-z])/g, (_all, _bar, letter: string) => letter.toUpperCase());

function xml(tag: string, value: unknown, attributes = ''): string {
  if (Array.isArray(value)) {
    const item = tag.replace(/s$/, '');
    return `<${tag}${attributes}>${value.map((entry) => xml(item, entry)).join('')}</${tag}>\n`;
  }
  if (value !== null && typeof value === 'object') {
    const children = Object.entries(value).map(([name, child]) => xml(pascal(name), child));
    return `<${tag}${attributes}>${children.join('')}</${tag}>\n`;
  }
  return value === null || value === undefined ? `<${tag}/>` : `<${tag}>${escapeXml(String(value))}</${tag}>`;
}

/** The servlet container's page for an exception nobody caught (§1.4). */
export const html500 = (): Reply => ({
  status: 500,
  type: 'text/html;charset=utf-8',
  body: '<html><head><title>Error report</title></head><body><h1>HTTP Status 500 - Internal Server Error</h1></body></html>',
});

/** Two letters and 32 hexadecimal digits (§1.3). */
export const newSid = (prefix: string): string => prefix + randomUUID().replaceAll('-', '');

export const looksLikeSid = (value: string): boolean => /^[A-Z]{2}[0-9A-Za-z]{32}$/.test(value);

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');

function offset(minutes: number, colon: string): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${colon}${two(size % 60)}`;
}

let lastKey = '';
let lastText = '';

/** `Mon, 4 Nov 2013 12:14:11 +0000` in the server's zone (§1.3). The last one is remembered: traffic shares its seconds. */
export function longDate(atMs: number, utcOffsetMinutes: number): string {
  const key = `${Math.floor(atMs / 1000)}/${utcOffsetMinutes}`;
  if (key === lastKey) return lastText;
  const local = new Date(atMs + utcOffsetMinutes * 60_000);
  const day = `${DAYS[local.getUTCDay()]}, ${local.getUTCDate()} ${MONTHS[local.getUTCMonth()]} ${local.getUTCFullYear()}`;
  const time = `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`;
  lastKey = key;
  lastText = `${day} ${time} ${offset(utcOffsetMinutes, '')}`;
  return lastText;
}

/** `2015-11-19T07:21:24.000-05:00` (§1.3). */
export const isoDate = (atMs: number, utcOffsetMinutes: number): string =>
  new Date(atMs + utcOffsetMinutes * 60_000).toISOString().replace('Z', offset(utcOffsetMinutes, ':'));

/** Midnight of a `yyyy-MM-dd` in the server's zone, read as leniently as Java does; undefined when it is no date (§4.4). */
export function localMidnight(value: string, utcOffsetMinutes: number): number | undefined {
  const found = /^(\d+)-(\d+)-(\d+)/.exec(value);
  return found ? Date.UTC(+found[1]!, +found[2]! - 1, +found[3]!) - utcOffsetMinutes * 60_000 : undefined;
}

/** Java's URI class accepts relative references and refuses blanks, brackets and the like. */
export const isJavaUri = (value: string): boolean => !/[\s<>"{}|\\^`]|%(?![0-9a-f]{2})/i.test(value);
