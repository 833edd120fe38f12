import { canonicalAddress, clientAddress, NetworkList, parseNetwork } from './network.js';

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['::1', '::1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:C000:0201', '192.0.2.1'],
  ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
])('writes %s as %s', (given, canonical) => expect(canonicalAddress(given)).toBe(canonical));

it.each([
  '',
  'evil',
  '010.0.0.1',
  '0x0a000001',
  '1.2.3',
  '1.2.3.4:5555',
  '1.2.3.4 ',
  'fe80::1%eth0',
  '1.2.3.256',
  '[::1]',
])('knows no address %j', (junk) => expect(canonicalAddress(junk)).toBeUndefined());

it.each([
  ['192.0.2.17', '192.0.2.17'],
  ['192.0.2.17/32', '192.0.2.17'],
  ['192.0.2.0/24', '192.0.2.0/24'],
  ['2001:db8:0:ff00::/56', '2001:db8:0:ff00::/56'],
  ['2001:DB8::0/64', '2001:db8::/64'],
  ['::ffff:192.0.2.0/120', '192.0.2.0/24'],
  ['2001:db8::1/128', '2001:db8::1'],
])('takes the network %s as %s', (given, network) => expect(parseNetwork(given)).toEqual({ network }));

it.each([
  ['192.0.0.0/23', 'too large'],
  ['0.0.0.0/0', 'too large'],
  ['2001:db8::/55', 'too large'],
  ['192.0.2.17/24', 'beyond its prefix'],
  ['2001:db8:0:ff80::/56', 'beyond its prefix'],
  ['192.0.2.0/33', 'does not exist'],
  ['192.0.2.0/-1', 'does not exist'],
  ['192.0.2.0/024', 'does not exist'],
  ['192.0.2.0/', 'does not exist'],
  ['192.0.2.0/24/24', 'neither'],
  ['example.net', 'neither'],
  ['', 'neither'],
])('refuses the network %j: %s', (given, reason) => expect(parseNetwork(given).reason).toContain(reason));

it('finds addresses by their networks, at the edges too', () => {
  const list = new NetworkList(['192.0.2.0/24', '198.51.100.7', '2001:db8:0:ff00::/56']);
  for (const inside of ['192.0.2.0', '192.0.2.255', '198.51.100.7', '2001:db8:0:ff00::', '2001:db8:0:ffff:ffff::1'])
    expect([inside, list.has(inside)]).toEqual([inside, true]);
  for (const outside of ['192.0.1.255', '192.0.3.0', '198.51.100.8', '2001:db8:0:feff::1', '2001:db8:1::', undefined])
    expect([outside, list.has(outside)]).toEqual([outside, false]);
  expect(new NetworkList([]).has('192.0.2.1')).toBe(false);
});

describe('the address of a client', () => {
  const trusted = new NetworkList(['10.0.0.0/24', '2001:db8:ffff::1']);
  it.each([
    ['the peer, who is not a proxy of ours, also against the header', '203.0.113.9', '1.2.3.4', '203.0.113.9'],
    ['the peer without a header', '10.0.0.1', undefined, '10.0.0.1'],
    ['the peer with an empty header', '10.0.0.1', ' ', '10.0.0.1'],
    ['the one the proxy names', '10.0.0.1', '1.2.3.4', '1.2.3.4'],
    ['the one the proxy names, not one put before it', '10.0.0.1', '6.6.6.6, 1.2.3.4', '1.2.3.4'],
    ['the one the proxy names, also after junk', '10.0.0.1', 'evil, , 1.2.3.4', '1.2.3.4'],
    ['the one before several proxies', '10.0.0.1', '6.6.6.6,1.2.3.4,2001:db8:ffff::1, 10.0.0.9', '1.2.3.4'],
    ['the first proxy where all are trusted', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['without its port', '10.0.0.1', '1.2.3.4:5555', '1.2.3.4'],
    ['without brackets and port', '10.0.0.1', '[2001:DB8::7]:443', '2001:db8::7'],
    ['without brackets', '10.0.0.1', '[2001:db8::7]', '2001:db8::7'],
    ['IPv4 where it is written as IPv6', '10.0.0.1', '::ffff:1.2.3.4', '1.2.3.4'],
    ['IPv4 where the peer is written as IPv6', '::ffff:10.0.0.1', '1.2.3.4', '1.2.3.4'],
    ['none when the entry that counts is junk', '10.0.0.1', '1.2.3.4, evil', undefined],
    ['none when it is empty', '10.0.0.1', '1.2.3.4,', undefined],
    ['none when it is an octal spelling', '10.0.0.1', '010.0.0.7', undefined],
    ['none when it is hexadecimal', '10.0.0.1', '0x01020304', undefined],
    ['none when it is a name', '10.0.0.1', 'unknown', undefined],
    ['none when it has a zone', '10.0.0.1', 'fe80::1%eth0', undefined],
    ['none when IPv4 stands in brackets', '10.0.0.1', '[1.2.3.4]', undefined],
    ['none when a proxy before it wrote junk', '10.0.0.1', '1.2.3.4, junk, 10.0.0.2', undefined],
    ['none when the peer is unknown', undefined, '1.2.3.4', undefined],
  ])('is %s', (_, remote, header, address) => expect(clientAddress(remote, header, trusted)).toBe(address));

  it('is found in a header that came several times, and one of thousands of hops', () => {
    expect(clientAddress('10.0.0.1', ['6.6.6.6', '1.2.3.4'], trusted)).toBe('1.2.3.4');
    expect(clientAddress('10.0.0.1', `${'9.9.9.9,'.repeat(5000)}1.2.3.4`, trusted)).toBe('1.2.3.4');
  });
});
