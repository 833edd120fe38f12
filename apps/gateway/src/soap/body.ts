import type { Readable } from 'node:stream';

export class TooLarge extends Error {}
export class TooSlow extends Error {}

/**
 * The bytes of a request, at most `limit` of them and within `ms`. Most come in one piece, which is then not copied.
 * @throws TooLarge, TooSlow
 */
export function receive(payload: Readable, limit: number, ms: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(() => stop(new TooSlow()), ms);
    const onData = (part: Buffer): void => {
      length += part.length;
      if (length > limit) return stop(new TooLarge());
      parts.push(part);
    };
    const onEnd = (): void => {
      clearTimeout(timer);
      resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts, length));
    };
    const stop = (error: Error): void => {
      clearTimeout(timer);
      payload.off('data', onData).off('end', onEnd).off('error', stop);
      payload.on('error', () => undefined).pause();
      reject(error);
    };
    payload.on('data', onData).on('end', onEnd).on('error', stop);
  });
}
