import { SoapFault, readingError, UnsupportedMedia } from './faults.js';

export interface MediaType {
  /** Lower-case, without parameters; empty when there is none. */
  type: string;
  charset?: string;
  /** Of SOAP 1.2, as sent. */
  action?: string;
}

/**
 * A Content-Type as clients really send it: parameters with or without quotes or a space before them, semicolons inside
 * quotes, a quote that is never closed.
 */
export function mediaTypeOf(header: string | undefined): MediaType {
  if (header === undefined) return { type: '' };
  const end = header.indexOf(';');
  const media: MediaType = { type: (end < 0 ? header : header.slice(0, end)).trim().toLowerCase() };
  if (end < 0) return media;
  for (const [, name, quoted, bare] of header
    .slice(end)
    .matchAll(/;\s*([^=;\s"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)(?:"|$)|([^;]*))/g)) {
    const value = quoted === undefined ? (bare ?? '').trim() : quoted.replaceAll(/\\(.)/g, '$1');
    const key = name!.toLowerCase();
    if (key === 'charset')
      media.charset ??= value
        .trim()
        .replace(/^'(.*)'$/, '$1')
        .trim();
    else if (key === 'action') media.action ??= value;
  }
  return media;
}

type Encoding = 'utf-8' | 'utf-16' | 'utf-16le' | 'utf-16be' | 'us-ascii' | 'iso-8859-1';
const NAMES: Record<string, Encoding> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'utf-16': 'utf-16',
  'utf-16le': 'utf-16le',
  'utf-16be': 'utf-16be',
  'us-ascii': 'us-ascii',
  ascii: 'us-ascii',
  'iso-8859-1': 'iso-8859-1',
  latin1: 'iso-8859-1',
};
const decoders = {
  'utf-8': new TextDecoder('utf-8', { fatal: true }),
  'utf-16le': new TextDecoder('utf-16le', { fatal: true }),
  'utf-16be': new TextDecoder('utf-16be', { fatal: true }),
};

function byMark(bytes: Buffer): Encoding | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}

/** Without a mark, `<` shows the byte order. */
const order = (bytes: Buffer): 'utf-16le' | 'utf-16be' =>
  (bytes[0] === 0xfe && bytes[1] === 0xff) || bytes[0] === 0 ? 'utf-16be' : 'utf-16le';

/** The encoding an XML declaration names; only one written in an ASCII superset can be read before it is known. */
const declared = (bytes: Buffer): string | undefined =>
  bytes[0] === 0x3c && bytes[1] === 0x3f
    ? /^<\?xml\s[^>]*?\bencoding\s*=\s*["']([\w.:-]+)["']/.exec(bytes.toString('latin1', 0, 200))?.[1]
    : undefined;

/**
 * The text of a body: charset parameter, then byte order mark, then XML declaration, then UTF-8.
 * @throws UnsupportedMedia for an encoding we don't read
 * @throws SoapFault 400 when the bytes are none of that encoding
 */
export function decode(bytes: Buffer, charset: string | undefined): string {
  const name = charset || byMark(bytes) || declared(bytes) || 'utf-8';
  const encoding = NAMES[name.toLowerCase()];
  if (encoding === undefined) throw new UnsupportedMedia(name);
  const invalid = (): SoapFault =>
    new SoapFault('Client', readingError(`The body is not valid ${name.slice(0, 40)}.`), 400);
  if (encoding === 'iso-8859-1') return bytes.toString('latin1');
  if (encoding === 'us-ascii') {
    if (bytes.some((byte) => byte > 0x7f)) throw invalid();
    return bytes.toString('latin1');
  }
  try {
    return decoders[encoding === 'utf-16' ? order(bytes) : encoding].decode(bytes);
  } catch {
    // The decoders throw for nothing else.
    throw invalid();
  }
}
