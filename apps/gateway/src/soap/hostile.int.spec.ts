import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { connect, createServer, type AddressInfo } from 'node:net';
import { elements, envelope, LOGIN, PATH, ping, Provisioned, startSoapWorld, type SoapWorld } from './soap.fixtures.js';
import { SOAP11 } from './xml.js';

let world: SoapWorld;
beforeAll(async () => {
  world = await startSoapWorld({ PROVISION_SOAP_BODY_SECONDS: '1' });
});
afterAll(() => world.close());
beforeEach(() => world.reset());

const LIMIT = 262_144;
const body = (inner: string): string => envelope('Ping', elements(LOGIN) + inner);
const fill = (build: (room: number) => string): string => build(LIMIT - 2000);
const repeated = (piece: string) => fill((room) => body(piece.repeat(room / piece.length)));
const doctype = (subset: string): string => ping().replace('?>', `?><!DOCTYPE s:Envelope [${subset}]>`);

const BOMB = Array.from({ length: 12 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join('');

const HOSTILE: Record<string, string | Buffer> = {
  'an entity bomb': doctype(`<!ENTITY l0 "lol">${BOMB}`).replace('iface', '&l12;'),
  'a wide entity bomb': doctype(`<!ENTITY a "${'a'.repeat(50_000)}">`).replace('iface', '&a;'.repeat(30_000)),
  'an external entity': doctype('<!ENTITY x SYSTEM "file:///etc/passwd">').replace('iface', '&x;'),
  'an external DTD': ping().replace('?>', '?><!DOCTYPE s:Envelope SYSTEM "http://127.0.0.1:1/x.dtd">'),
  'an endless DTD': ping().replace('?>', `?><!DOCTYPE s [${'<!ENTITY x "y">'.repeat(15_000)}`),
  'an undefined entity': ping().replace('iface', '&nbsp;'),
  'elements 100,000 deep': `<?xml version="1.0"?>${'<a>'.repeat(60_000)}`,
  'namespaces 10,000 deep': Array.from({ length: 9000 }, (_, n) => `<a xmlns:n${n}="u">`).join(''),
  '50,000 attributes': body(`<x ${Array.from({ length: 20_000 }, (_, n) => `a${n}=""`).join(' ')}/>`),
  '20,000 namespace declarations': body(
    `<x ${Array.from({ length: 10_000 }, (_, n) => `xmlns:a${n}="u"`).join(' ')}/>`,
  ),
  '60,000 elements': repeated('<a/>'),
  'a huge text': repeated('x'),
  'a huge CDATA section': fill((room) => body(`<x><![CDATA[${']'.repeat(room)}]]></x>`)),
  'a huge attribute': fill((room) => body(`<x a="${'x'.repeat(room)}"`)),
  'a huge element name': fill((room) => body(`<${'x'.repeat(room)}`)),
  'a huge comment': fill((room) => body(`<!--${'- '.repeat(room / 2)}`)),
  'a processing instruction': ping().replace('<s:Body>', '<?xml-stylesheet href="x"?><s:Body>'),
  'XML 1.1': ping().replace('version="1.0"', 'version="1.1"'),
  'two roots': `${ping()}<a/>`,
  'a mismatched tag': ping().replace('</s:Body>', '</s:Bodyy>'),
  'an unquoted attribute': ping().replace('<s:Body>', '<s:Body a=b>'),
  'a duplicate attribute': ping().replace('<s:Body>', '<s:Body a="1" a="2">'),
  'an undeclared prefix': ping().replace('<s:Body>', '<s:Body x:a="1">'),
  'a truncated document': ping().slice(0, -20),
  'a null byte': ping().replace('iface', 'if\0ace'),
  'a reference to a null byte': ping().replace('iface', '&#0;'),
  'half a surrogate pair': ping().replace('iface', '&#xD800;'),
  'bytes that are no UTF-8': Buffer.from(ping().replace('iface', '\xff\xfe'), 'latin1'),
  nothing: '',
  'white space': ' \n',
  'a picture': Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
  'half of UTF-16': Buffer.from(`\ufeff${ping()}`, 'utf16le').subarray(0, -1),
};

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Without what is only waiting to be collected. Bytes. */
function heapInUse(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

describe('each of these is a fault with 400, soon', () => {
  it.each(Object.keys(HOSTILE))('%s', async (name) => {
    const times: number[] = [];
    // The best of five, in this thread's processor time: neither neighbors nor the collector's threads are what is measured.
    for (let n = 0; n < 5; n++) {
      const before = process.threadCpuUsage();
      // Without a charset, so that marks and declarations count.
      const reply = await world.soap11(HOSTILE[name]!, { 'content-type': 'text/xml' });
      const { user, system } = process.threadCpuUsage(before);
      times.push((user + system) / 1000);
      expect(reply.status).toBe(400);
      expect(reply.headers['content-type']).toBe('text/xml; charset=utf-8');
      expect(reply.body).toContain('<faultcode>soap:Client</faultcode>');
      expect(reply.body.length).toBeLessThan(2000);
    }
    expect(Math.min(...times)).toBeLessThan(100);
    expect(Provisioned.calls).toEqual([]);
  });

  it('and the door goes on as before, its memory flat', async () => {
    const all = Object.values(HOSTILE);
    const round = async (): Promise<void> => {
      for (const bytes of all) await world.soap11(bytes);
      await world.soap11(ping());
    };
    for (let n = 0; n < 2; n++) await round();
    const before = heapInUse();
    for (let n = 0; n < 6; n++) await round();
    expect((heapInUse() - before) / 2 ** 20).toBeLessThan(16);
    expect((await world.soap11(ping())).body).toContain('<success>true</success>');
  });
});

it('fetches nothing for an external entity', async () => {
  let connections = 0;
  const listener = createServer((socket) => (connections++, socket.destroy())).listen(0, '127.0.0.1');
  await new Promise((resolve) => listener.once('listening', resolve));
  const { port } = listener.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/`;
  await world.soap11(doctype(`<!ENTITY % p SYSTEM "${url}"> %p; <!ENTITY x SYSTEM "${url}">`).replace('iface', '&x;'));
  await world.soap11(ping().replace('?>', `?><!DOCTYPE a SYSTEM "${url}">`));
  listener.close();
  expect(connections).toBe(0);
});

describe('limits', () => {
  const deep = (levels: number): string => body('<a>'.repeat(levels - 3) + '</a>'.repeat(levels - 3));
  const own = 3 + Object.keys(LOGIN).length;
  const attributes = (count: number): string =>
    body(Array.from({ length: 8 }, (_, n) => `<x ${many(n < 7 ? 500 : count - 3500)}/>`).join(''));
  const many = (count: number): string => Array.from({ length: count }, (_, n) => `a${n}=""`).join(' ');
  const own11 = 3; // two declarations on the envelope, one on the method
  it.each([
    ['levels', deep(32), deep(33)],
    ['elements', body('<a/>'.repeat(2000 - own)), body('<a/>'.repeat(2001 - own))],
    ['attributes', attributes(4096 - own11), attributes(4097 - own11)],
    ['characters', body(`<x>${'x'.repeat(65_536)}</x>`), body(`<x>${'x'.repeat(65_537)}</x>`)],
    [
      'characters in pieces',
      body(`<x>${'x'.repeat(65_535)}<!---->x</x>`),
      body(`<x>${'x'.repeat(65_535)}<!----><![CDATA[xx]]></x>`),
    ],
  ])('of %s let the last one in and stop the next', async (_, last, next) => {
    expect((await world.soap11(last)).body).toContain('<success>true</success>');
    expect((await world.soap11(next)).status).toBe(400);
  });

  it('of bytes: the last one passes, the next is 413 with a fault, announced or not', async () => {
    const padded = (bytes: number): string => ping().padEnd(bytes, ' ');
    expect((await world.soap11(padded(LIMIT))).status).toBe(200);
    const over = await world.soap11(padded(LIMIT + 1));
    expect(over.status).toBe(413);
    expect(over.body).toContain('<faultcode>soap:Client</faultcode>');
    const chunked = await raw([
      `POST ${PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: text/xml\r\nsoapaction: ""\r\ntransfer-encoding: chunked\r\n\r\n`,
      `${(LIMIT + 1).toString(16)}\r\n${padded(LIMIT + 1)}\r\n0\r\n\r\n`,
    ]);
    expect(chunked).toMatch(/^HTTP\/1\.1 413 [^]*soap:Client/);
    expect((await world.form('Ping', `loginUserName=${'a'.repeat(LIMIT)}`)).status).toBe(413);
  });

  it('of time: a body that dawdles is given up', async () => {
    const head = `POST ${PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: text/xml\r\nsoapaction: ""\r\ncontent-length: 1000\r\n\r\n`;
    const started = performance.now();
    expect(await raw([`${head}<?xml`])).toMatch(/^HTTP\/1\.1 408 [^]*did not arrive in time/);
    expect(performance.now() - started).toBeLessThan(3000);
  });
});

/** What comes back for these bytes until the connection closes. */
const raw = (parts: string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(world.url).port), '127.0.0.1');
    let text = '';
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer')));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('</soap:Envelope>')) socket.destroy();
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
    for (const part of parts) socket.write(part);
  });

describe('bytes', () => {
  const umlaut = envelope(
    'AddReseller',
    elements({ ...LOGIN, serverHostName: 'h', resellerId: 'r', resellerName: 'Zoë' }),
  );
  const declared = (name: string): string => umlaut.replace('utf-8', name);
  const utf16be = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

  it.each<[string, string, string | Buffer]>([
    ['UTF-8', 'text/xml; charset=utf-8', umlaut],
    ['UTF-8, not said', 'text/xml', umlaut],
    ['UTF-8 with a mark', 'text/xml; charset="UTF-8"', `\ufeff${umlaut}`],
    ['UTF-16 with a mark', 'text/xml; charset=utf-16', Buffer.from(`\ufeff${umlaut}`, 'utf16le')],
    ['UTF-16 with a mark, not said', 'text/xml', Buffer.from(`\ufeff${declared('utf-16')}`, 'utf16le')],
    ['UTF-16, big end first', 'text/xml', utf16be(`\ufeff${declared('utf-16')}`)],
    ['UTF-16 without a mark', 'text/xml; charset=utf-16', Buffer.from(umlaut, 'utf16le')],
    ['UTF-16 without a mark, big end first', 'text/xml; charset=UTF-16', utf16be(umlaut)],
    ['UTF-16LE', 'text/xml;charset=utf-16le', Buffer.from(umlaut, 'utf16le')],
    ['ISO-8859-1', 'text/xml; charset=iso-8859-1', Buffer.from(umlaut, 'latin1')],
    ['ISO-8859-1 by its declaration', 'text/xml', Buffer.from(declared('ISO-8859-1'), 'latin1')],
    ['US-ASCII', 'text/xml; charset=us-ascii', umlaut.replace('ë', '&#xEB;')],
  ])('as %s are read', async (_, type, bytes) => {
    expect((await world.soap11(bytes, { 'content-type': type })).status).toBe(200);
    expect(Provisioned.calls[0]!.parameters).toMatchObject({ resellerName: 'Zoë' });
  });

  it.each<[string, Record<string, string>]>([
    ['another charset', { 'content-type': 'text/xml; charset=koi8-r' }],
    ['another media type', { 'content-type': 'application/json' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['many parts', { 'content-type': 'multipart/related; boundary=x' }],
    ['a nonsense media type', { 'content-type': 'garbage' }],
    ['1.1 in the media type of 1.2', { 'content-type': 'application/soap+xml' }],
    ['gzip', { 'content-encoding': 'gzip' }],
    ['one coding of several', { 'content-encoding': 'identity, GZIP' }],
    ['brotli', { 'content-encoding': 'br' }],
  ])('of %s are 415 without a body', async (_, headers) => {
    expect(await world.soap11(ping(), headers)).toMatchObject({ status: 415, body: '' });
    expect(Provisioned.calls).toEqual([]);
  });

  it.each<[string, Record<string, string>]>([
    ['identity', { 'content-encoding': 'identity' }],
    ['nothing', { 'content-encoding': '' }],
    ['a charset', { 'content-encoding': 'utf-8' }],
    ['a media type', { 'content-encoding': 'text/xml' }],
    ['a charset in single quotes', { 'content-type': "text/xml; charset='utf-8'" }],
  ])('are read as they are where a header of them says %s', async (_, headers) => {
    expect((await world.soap11(ping(), headers)).status).toBe(200);
    expect(Provisioned.calls).toHaveLength(1);
  });

  it('by their declaration in an unknown charset are 415', async () => {
    expect((await world.soap11(declared('windows-1251'), { 'content-type': 'text/xml' })).status).toBe(415);
  });

  it('that are not what they say are faults', async () => {
    const latin = Buffer.from(umlaut, 'latin1');
    for (const type of ['text/xml; charset=utf-8', 'text/xml; charset=us-ascii'])
      expect((await world.soap11(latin, { 'content-type': type })).status).toBe(400);
  });
});

it('keeps names of the language apart from names in the document', async () => {
  const inner = '<__proto__>x</__proto__><constructor>y</constructor><toString/>';
  expect((await world.soap11(body(inner))).body).toContain('<success>true</success>');
  expect(Provisioned.calls[0]!.parameters).toEqual({});
  for (const operation of ['__proto__', 'constructor', 'toString'])
    expect((await world.form(operation, LOGIN)).status).toBe(500);
  const proto = `<Envelope xmlns="${SOAP11}"><Body><constructor xmlns="http://strowger.dev/provision/"/></Body></Envelope>`;
  expect((await world.soap11(proto)).status).toBe(500);
});
