import { randomUUID } from 'node:crypto';

/**
 * A UUIDv7 (RFC 9562 §5.7) of this millisecond. Order inside the millisecond is left to chance, which lets Node's cached
 * entropy do: one system call for 128 ids instead of one for each.
 */
export function deliveryIdAt(milliseconds: number): string {
  const time = milliseconds.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
