import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

/** Shortest prefix a network may have: larger ones say nothing about who calls. */
const SHORTEST_PREFIX = { ipv4: 24, ipv6: 56 } as const;
const WHOLE = { ipv4: 32, ipv6: 128 } as const;
type Family = keyof typeof WHOLE;

const familyOf = (address: string): Family => (address.includes(':') ? 'ipv6' : 'ipv4');

/**
 * The one way to write an address: dotted decimal, or RFC 5952 with IPv4-mapped IPv6 (`::ffff:192.0.2.1`) as the IPv4
 * address it stands for. Undefined for anything else: ports, zones, octal or hexadecimal spellings, junk.
 */
export function canonicalAddress(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const address = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  if (!mapped) return address;
  const [high, low] = [parseInt(mapped[1]!, 16), parseInt(mapped[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** An address, or a network in CIDR notation; `reason` says why a text is neither. */
export type ParsedNetwork = { network: string; reason?: undefined } | { network?: undefined; reason: string };

/**
 * Canonical text of a single address or a CIDR network of at least the shortest prefix. Host bits are an error rather
 * than dropped: the person who wrote `192.0.2.17/24` may have meant either.
 */
export function parseNetwork(text: string, shortest: Record<Family, number> = SHORTEST_PREFIX): ParsedNetwork {
  const [given = '', prefixText, ...rest] = text.split('/');
  const address = canonicalAddress(given);
  if (address === undefined || rest.length > 0) return { reason: 'is neither an IPv4 nor an IPv6 address' };
  if (prefixText === undefined) return { network: address };
  const family = familyOf(address);
  const mapped = family === 'ipv4' && given.includes(':');
  const prefix = /^(0|[1-9]\d{0,2})$/.test(prefixText) ? Number(prefixText) - (mapped ? 96 : 0) : -1;
  if (prefix < 0 || prefix > WHOLE[family]) return { reason: 'has a prefix length that does not exist' };
  if (prefix < shortest[family])
    return { reason: `is too large a network: the shortest prefix is /${shortest[family]}` };
  if (prefix === WHOLE[family]) return { network: address };
  const bits = bitsOf(address);
  if (bits.slice(prefix).includes('1')) return { reason: 'has bits set beyond its prefix length' };
  return { network: `${address}/${prefix}` };
}

function bitsOf(address: string): string {
  if (isIPv4(address))
    return address
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('');
  const [head = '', tail] = address.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return all.map((group) => parseInt(group, 16).toString(2).padStart(16, '0')).join('');
}

/** A set of addresses and networks, asked by address; the empty set holds nobody. */
export class NetworkList {
  private readonly list = new BlockList();

  /** @param networks canonical texts, as `parseNetwork` makes them */
  constructor(readonly networks: readonly string[]) {
    for (const network of networks) {
      const [address = '', prefix] = network.split('/');
      if (prefix === undefined) this.list.addAddress(address, familyOf(address));
      else this.list.addSubnet(address, Number(prefix), familyOf(address));
    }
  }

  /** @param address canonical; undefined is nobody's */
  has(address: string | undefined): boolean {
    return address !== undefined && this.networks.length > 0 && this.list.check(address, familyOf(address));
  }
}

/**
 * Where a request came from, behind proxies we know: the right-most address of `X-Forwarded-For` that is not a trusted
 * proxy's. What stands to the left of it was written by the caller, so it is not looked at. The header counts only
 * when the connection itself comes from a trusted proxy.
 * @returns a canonical address; undefined ("no address", which no list allows) when the entry that counts is junk
 */
export function clientAddress(
  remoteAddress: string | undefined,
  forwardedFor: string | readonly string[] | undefined,
  trusted: NetworkList,
): string | undefined {
  // A link-local peer's address carries the name of our own interface.
  const remote = canonicalAddress(remoteAddress?.split('%')[0]);
  const header = typeof forwardedFor === 'object' ? forwardedFor.join(',') : forwardedFor;
  if (!header?.trim() || !trusted.has(remote)) return remote;
  let nearest = remote;
  for (const entry of header.split(',').reverse()) {
    nearest = canonicalAddress(withoutPort(entry.trim()));
    if (!trusted.has(nearest)) return nearest;
  }
  return nearest;
}

/** `192.0.2.1:5555`, `[2001:db8::1]:443` and `[2001:db8::1]`, as some proxies write. */
function withoutPort(entry: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(entry);
  if (bracketed) return isIP(bracketed[1]!) === 6 ? bracketed[1]! : '';
  return /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(entry)?.[1] ?? entry;
}
