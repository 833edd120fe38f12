/** Codings that change the bytes of a body (the registry of RFC 9110 §8.4.1, and what came since). */
const CODINGS = new Set([
  'aes128gcm',
  'br',
  'compress',
  'dcb',
  'dcz',
  'deflate',
  'exi',
  'gzip',
  'pack200-gzip',
  'x-compress',
  'x-gzip',
  'zstd',
]);

/**
 * The coding of a body by its Content-Encoding, or undefined. Many clients write `identity`, a charset or a media type
 * there and send the body as it is.
 */
export const codingOf = (header: string | undefined): string | undefined =>
  header
    ?.split(',')
    .map((coding) => coding.trim().toLowerCase())
    .find((coding) => CODINGS.has(coding));
