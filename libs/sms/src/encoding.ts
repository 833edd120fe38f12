/** How a text travels: GSM 03.38 septets when every character has one, else UTF-16 code units. */
export type SmsEncoding = 'GSM-7' | 'UCS-2';

export interface SmsAnalysis {
  encoding: SmsEncoding;
  /** Septets (GSM-7; extension characters cost two) or UTF-16 code units (UCS-2). */
  units: number;
  /** Messages the handset network carries; 0 for an empty text. A carrier may bill more. */
  segments: number;
  /** The text cut where the network would cut it; joined, it is the text again. */
  parts: string[];
}

export interface AnalyzeOptions {
  /** 7-byte header with a 16-bit reference, as some toll-free routes use: 152 and 66 per part instead of 153 and 67. */
  longReference?: boolean;
}

/** Longest text one message may have, in UTF-16 code units. */
export const MAX_TEXT_LENGTH = 1600;

const BASIC =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?' +
  '¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
const EXTENSION = '\f^{}\\[~]|€';

/** Septets of each code unit up to the euro sign; 0 where GSM 03.38 has no such character. */
const SEPTETS = new Uint8Array(0x20ad);
for (const character of BASIC) SEPTETS[character.charCodeAt(0)] = 1;
for (const character of EXTENSION) SEPTETS[character.charCodeAt(0)] = 2;

const septetsAt = (text: string, index: number): number => SEPTETS[text.charCodeAt(index)] ?? 0;

/** Septets of the whole text, or undefined when one of its characters has none. */
function septetsOf(text: string): number | undefined {
  let total = 0;
  for (let i = 0; i < text.length; i++) {
    const septets = septetsAt(text, i);
    if (septets === 0) return undefined;
    total += septets;
  }
  return total;
}

export const isGsm7 = (text: string): boolean => septetsOf(text) !== undefined;

/** Encoding, size and parts of a text (3GPP TS 23.038 and 23.040; messaging-rules §3). */
export function analyze(text: string, { longReference = false }: AnalyzeOptions = {}): SmsAnalysis {
  const septets = septetsOf(text);
  const encoding: SmsEncoding = septets === undefined ? 'UCS-2' : 'GSM-7';
  const units = septets ?? text.length;
  if (text === '') return { encoding, units, segments: 0, parts: [] };
  const [single, perPart] = encoding === 'GSM-7' ? [160, longReference ? 152 : 153] : [70, longReference ? 66 : 67];
  const parts = units <= single ? [text] : cut(text, encoding, perPart);
  return { encoding, units, segments: parts.length, parts };
}

/**
 * Separate messages no longer than one segment each, for carriers that don't join parts: 160 septets or 70 code units.
 * All of them take the encoding of the whole text, so that a reader sees one alphabet.
 */
export function splitForSingles(text: string): { encoding: SmsEncoding; parts: string[] } {
  const { encoding, units } = analyze(text);
  const single = encoding === 'GSM-7' ? 160 : 70;
  return { encoding, parts: units === 0 ? [] : units <= single ? [text] : cut(text, encoding, single) };
}

/** Cuts into parts of at most `limit` units, never inside an ESC pair or a surrogate pair. */
function cut(text: string, encoding: SmsEncoding, limit: number): string[] {
  const parts: string[] = [];
  let start = 0;
  let used = 0;
  for (let i = 0; i < text.length;) {
    const length = encoding === 'UCS-2' && text.codePointAt(i)! > 0xffff ? 2 : 1;
    const cost = encoding === 'UCS-2' ? length : septetsAt(text, i);
    if (used + cost > limit) {
      parts.push(text.slice(start, i));
      start = i;
      used = 0;
    }
    used += cost;
    i += length;
  }
  parts.push(text.slice(start));
  return parts;
}

const PLAIN: Readonly<Record<string, string>> = {
  '“': '"',
  '”': '"',
  '‘': "'",
  '’': "'",
  '–': '-',
  '—': '-',
  '…': '...',
  '\u00a0': ' ',
};

/** Typographic quotes, dashes, ellipsis and no-break space as plain ones, if that alone makes the text GSM-7; else the text as it is. */
export function smartEncoding(text: string): string {
  const plain = text.replaceAll(/[“”‘’–—…\u00a0]/g, (character) => PLAIN[character] ?? character);
  return isGsm7(plain) ? plain : text;
}
