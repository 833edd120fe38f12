import { maskSecret } from '@strowger/kernel';

const LONGEST = 2000;
/** Characters looked at: what is taken out makes room for more, but a list of all numbers is not worth reading to its end. */
const LOOKED_AT = 8000;
const REMOVED = '[removed]';

/** Form fields that hold message text, or a URL, which may have a token in it. */
const FORM = /(^|[&?])(Body|StatusCallback|\w+Url|token)=[^&\s"]+/gi;
const JSON_TEXT = /("body"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|\\?$)/gi;
const URL_PATH = /(https?:\\?\/\\?\/[^/\\"'&\s<>]+)[/\\?][^"'&\s<>]*/gi;

export interface Secrets {
  /** Taken out wherever they appear. */
  removed: readonly string[];
  /** Shown as first two and last two characters. */
  masked: readonly string[];
}

/** What may be shown of a request or answer: no credential, no message text, no URL path; at most 2000 characters. */
export function redact(text: string, { removed, masked }: Secrets): string {
  const cut = text.length > LOOKED_AT;
  let shown = (cut ? copyOf(text.slice(0, LOOKED_AT)) : text)
    .replace(FORM, `$1$2=${REMOVED}`)
    .replace(JSON_TEXT, `$1"${REMOVED}"`)
    .replace(URL_PATH, `$1/${REMOVED}`);
  for (const secret of removed) {
    if (secret === '') continue;
    shown = shown.replaceAll(secret, REMOVED).replaceAll(encodeURIComponent(secret), REMOVED);
  }
  for (const secret of masked) if (secret !== '') shown = shown.replaceAll(secret, maskSecret(secret));
  // The cut may have gone through a secret, which then was not found.
  if (cut)
    shown = shown.slice(0, -Math.max(1, ...[...removed, ...masked].map((one) => encodeURIComponent(one).length)));
  return cut || shown.length > LONGEST ? copyOf(`${shown.slice(0, LONGEST)}…`) : shown;
}

/** A part of a string keeps the whole alive; this does not. */
const copyOf = (part: string): string => Buffer.from(part).toString();
