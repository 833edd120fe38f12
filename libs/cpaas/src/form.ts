import { isUtf8 } from 'node:buffer';

/** Nothing to decode: no escape, no space, ASCII only. */
const PLAIN = /^[^%+\u0080-\u00ff]*$/;

export interface ParsedForm {
  /** Name, value, name, value … in order. */
  fields: string[];
  /** An escape was broken, a part had no name and value, or bytes were no UTF-8: somebody did not encode as agreed. */
  damaged: boolean;
}

/**
 * application/x-www-form-urlencoded, for carriers' bodies: escapes are bytes, read as strict UTF-8 and, where that fails,
 * as ISO-8859-1, value by value. Never throws. Built for tens of thousands a second, so plain values are cut, not copied.
 */
export function parseForm(bytes: Buffer): ParsedForm {
  const text = bytes.toString('latin1');
  const fields: string[] = [];
  const state = { damaged: false };
  for (let start = 0; start < text.length;) {
    let end = text.indexOf('&', start);
    if (end === -1) end = text.length;
    if (end > start) {
      const equals = text.indexOf('=', start);
      if (equals === -1 || equals >= end) {
        state.damaged = true;
        fields.push(decode(text.slice(start, end), state), '');
      } else fields.push(decode(text.slice(start, equals), state), decode(text.slice(equals + 1, end), state));
    }
    start = end + 1;
  }
  return { fields, damaged: state.damaged };
}

/** Value of a hexadecimal digit's char code, else -1. */
const hex = (code: number): number =>
  code >= 48 && code <= 57
    ? code - 48
    : code >= 97 && code <= 102
      ? code - 87
      : code >= 65 && code <= 70
        ? code - 55
        : -1;

function decode(raw: string, state: { damaged: boolean }): string {
  if (PLAIN.test(raw)) return raw;
  const bytes = Buffer.allocUnsafe(raw.length);
  let length = 0;
  for (let i = 0; i < raw.length; i++) {
    let code = raw.charCodeAt(i);
    if (code === 43) code = 32;
    else if (code === 37) {
      const high = hex(raw.charCodeAt(i + 1));
      const low = hex(raw.charCodeAt(i + 2));
      if (high >= 0 && low >= 0) {
        code = high * 16 + low;
        i += 2;
      } else state.damaged = true;
    }
    bytes[length++] = code;
  }
  const decoded = bytes.subarray(0, length);
  if (isUtf8(decoded)) return decoded.toString('utf8');
  state.damaged = true;
  return decoded.toString('latin1');
}

export const bytesToText = (bytes: Buffer): string =>
  isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1');
