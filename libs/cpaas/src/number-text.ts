import { isE164, toE164 } from '@strowger/kernel';

const NANP = /^(?:\+?1)?([2-9]\d{9})$/;

/**
 * E.164 of a number as a carrier wrote it; short codes, names and what can't be read stay as given. The common forms go
 * without the number library, which would cost more than the rest of a webhook.
 */
export function carrierNumber(raw: string): string {
  // An unescaped plus arrives as a space.
  const text = raw.trim();
  const nanp = NANP.exec(text);
  if (nanp) return `+1${nanp[1]}`;
  if (isE164(text) || /^\d{1,8}$/.test(text)) return text;
  if (/^\d{9,15}$/.test(text)) return toE164(`+${text}`) ?? text;
  return /^\+?[\d\s().-]+$/.test(text) ? (toE164(text) ?? text) : text;
}

/** Control characters some carriers add; PostgreSQL can't even store the first. */
const STRAY = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** A carrier's text without stray control characters and broken surrogates. */
export const carrierText = (text: string): string => text.replace(STRAY, '').toWellFormed();
