import { AppError, newId } from '@strowger/kernel';
import { ProviderTree } from '../auth/provider-tree.js';
import { LOGIN, NS, PRODUCT, Provisioned, startSoapWorld, USER, type SoapWorld } from './soap.fixtures.js';

let world: SoapWorld;
beforeAll(async () => {
  world = await startSoapWorld();
});
afterAll(() => world.close());
beforeEach(() => world.reset());

const LICENSE = { ...LOGIN, ...USER, ...PRODUCT };
const RESELLER = { ...LOGIN, serverHostName: 'h', resellerId: 'r', resellerName: '', isEnterprise: 'false' };
const reply = (inner: string, root = 'ProvisionResponse'): string =>
  `<?xml version="1.0" encoding="utf-8"?>\n<${root} xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="${NS}">\n${inner}</${root}>`;

it('answers the result type, indented', async () => {
  const { status, headers, body } = await world.form('Ping', LOGIN);
  expect([status, headers['content-type']]).toEqual([200, 'text/xml; charset=utf-8']);
  expect(body).toBe(reply('  <success>true</success>\n'));
  expect(Provisioned.calls[0]).toMatchObject({ operation: 'Ping', binding: 'FORM', userName: 'iface', password: 'pw' });
  Provisioned.answer = () => ({
    data: { systemProviders: [{ systemProviderId: 'a', systemProviderName: 'A & B', serverHostNames: ['x', 'y'] }] },
  });
  expect((await world.form('GetSystemProviders', LOGIN)).body).toBe(
    reply(
      `  <success>true</success>
  <systemProviders>
    <SystemProvider>
      <systemProviderId>a</systemProviderId>
      <systemProviderName>A &amp; B</systemProviderName>
      <serverHostNames>
        <string>x</string>
        <string>y</string>
      </serverHostNames>
    </SystemProvider>
  </systemProviders>
`,
      'SystemProvidersResponse',
    ),
  );
});

it('makes a new system provider known to REST at once', async () => {
  const tree = world.app.get(ProviderTree);
  const [own, child] = [newId(), newId()];
  const known = async () =>
    (await tree.widen({ level: 'system-provider', id: own, systemProviderId: own })).providerIds;
  Provisioned.providerIds = [own];
  expect(await known()).toEqual([own]);
  Provisioned.providerIds = [own, child];
  await world.form('Ping', LOGIN);
  expect(await known()).toEqual([own]);
  const added = { newSystemProviderServerHostName: 'h', newSystemProviderId: 'c', newSystemProviderName: '' };
  await world.form('AddSystemProvider', { ...LOGIN, ...added });
  expect(await known()).toEqual([own, child]);
});

it('answers a refused login as a result, as the portal of old showed it', async () => {
  Provisioned.answer = () => {
    throw new AppError('unauthenticated', 'auth-failed', 'Locked.');
  };
  const { status, body } = await world.form('Ping', LOGIN);
  expect(status).toBe(200);
  expect(body).toBe(
    reply('  <success>false</success>\n  <errorMessage>Locked.</errorMessage>\n  <errorCode>AUTH_FAILED</errorCode>\n'),
  );
});

it('reads what .NET sends for text beyond ASCII, and refuses half a character', async () => {
  const { resellerName: _, ...others } = RESELLER;
  const send = (name: string) =>
    world.form('AddReseller', `${new URLSearchParams(others).toString()}&resellerName=${name}`);
  await send("M%u00FCller+%u6771%u4EAC+%uD83D%uDE00+%C3%A9%7E*!'()");
  expect(Provisioned.calls[0]!.parameters).toMatchObject({ resellerName: "Müller 東京 😀 é~*!'()" });
  expect((await send('%uD83D')).body).toContain('<errorCode>PARAMETER_INVALID</errorCode>');
  expect((await send('%u12')).status).toBe(400);
  expect(Provisioned.calls).toHaveLength(1);
});

it.each([
  ['Tabular100%2B', 'Tabular100+'],
  ['Tabular100+', 'Tabular100 '],
])('reads %s as %j', async (sent, read) => {
  const { licenseType: _, ...others } = LICENSE;
  await world.form('AddUserLicense', `${new URLSearchParams(others).toString()}&licenseType=${sent}`);
  expect(Provisioned.calls[0]!.parameters).toMatchObject({ licenseType: read });
});

it.each(['True', 'true', '1'])('takes %s for true', async (isEnterprise) => {
  await world.form('AddReseller', { ...RESELLER, isEnterprise });
  expect(Provisioned.calls[0]!.parameters).toMatchObject({ isEnterprise: true, resellerName: '' });
});

const numbered = { ...LOGIN, serverHostName: 'h', resellerId: 'r', ...PRODUCT, numberOfLicenses: '5' };
const without = (fields: Record<string, string>, name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));

it.each<[string, string, Record<string, string> | string, string]>([
  ['a missing field', 'AddReseller', without(RESELLER, 'resellerName'), 'Missing parameter: resellerName.'],
  ['a login in another case', 'Ping', { loginusername: 'a', loginPassword: 'b' }, 'Missing parameter: loginUserName.'],
  ['no fields', 'Ping', '', 'Missing parameter: loginUserName.'],
  ['no boolean', 'AddReseller', { ...RESELLER, isEnterprise: 'yes' }, 'Cannot convert yes to System.Boolean.'],
  [
    'no number',
    'AddResellerLicenseSubPurchase',
    { ...numbered, numberOfLicenses: 'x\r\ny' },
    'Cannot convert x y to System.Int32.',
  ],
  [
    'an empty number',
    'AddResellerLicenseSubPurchase',
    { ...numbered, numberOfLicenses: '' },
    'Cannot convert  to System.Int32.',
  ],
  ['an unknown method', 'Nope', LOGIN, 'Nope Web Service method name is not valid.'],
  [
    'a method in another case',
    'ping',
    LOGIN,
    'ping Web Service method name is not valid. Method names are case-sensitive: the method is called Ping.',
  ],
])('answers %s with one line', async (_, operation, fields, line) => {
  const { status, headers, body } = await world.form(operation, fields);
  expect([status, headers['content-type'], body]).toEqual([500, 'text/plain; charset=utf-8', `${line}\r\n`]);
  expect(Provisioned.calls).toEqual([]);
});

it('refuses other formats', async () => {
  const sent = (type: string) => world.form('Ping', LOGIN, { 'content-type': type });
  expect((await sent('multipart/form-data; boundary=x')).body).toBe(
    'Request format is invalid: multipart/form-data.\r\n',
  );
  expect((await sent('application/json')).body).toBe('Request format is invalid: application/json.\r\n');
  expect((await sent('application/x-www-form-urlencoded; charset=koi8-r')).status).toBe(415);
  expect((await world.form('Ping', 'loginUserName=%ff&loginPassword=x')).status).toBe(400);
  expect(Provisioned.calls).toEqual([]);
});

it('refuses a field given twice, and characters that are no text', async () => {
  const twice = await world.form('Ping', 'loginUserName=a&loginPassword=b&loginPassword=b');
  expect(twice.body).toContain('PARAMETER_INVALID');
  expect((await world.form('Ping', 'loginUserName=a%00&loginPassword=b')).body).toContain('PARAMETER_INVALID');
  expect((await world.form('Ping', 'loginUserName=a&loginUsername=a&loginPassword=b')).body).toContain('true');
});

it.each(['\r\n', '\n'])('takes a line break %j that ends the body for no part of the password', async (end) => {
  await world.form('Ping', `${new URLSearchParams(LOGIN)}${end}`);
  expect(Provisioned.calls[0]).toMatchObject({ userName: 'iface', password: 'pw' });
  await world.form('Ping', `loginUserName=iface&loginPassword=pw%0D%0A`);
  expect(Provisioned.calls[1]).toMatchObject({ password: 'pw\r\n' });
});

it('is for posts only, so that no password gets into a URL', async () => {
  const { status, headers } = await world.get(`/KakapoProvision/ProvisionV3.asmx/Ping?loginUserName=a`);
  expect([status, headers.allow]).toEqual([405, 'POST']);
});

describe('a post', () => {
  const host = (): string => new URL(world.url).host;
  it.each<[string, () => Record<string, string>]>([
    ['without Origin', () => ({})],
    ['from our own page', () => ({ 'sec-fetch-site': 'same-origin', origin: 'null' })],
    ['from the public address', () => ({ origin: 'https://soap.example' })],
    ['from the address it was sent to', () => ({ origin: `http://${host()}` })],
    ['from the address bar', () => ({ 'sec-fetch-site': 'none' })],
  ])('%s is served', async (_, headers) => {
    expect((await world.form('Ping', LOGIN, headers())).status).toBe(200);
  });

  it.each<[string, Record<string, string>]>([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling', { 'sec-fetch-site': 'same-site', origin: 'https://evil.soap.example' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['a lying browser', { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' }],
    ['a sandboxed frame', { origin: 'null' }],
    ['a name that was pointed at us', { origin: 'http://rebound.example', host: 'rebound.example' }],
    ['junk', { origin: 'junk' }],
  ])('from %s is refused', async (_, headers) => {
    expect(await world.form('Ping', LOGIN, headers)).toMatchObject({ status: 403 });
    expect(Provisioned.calls).toEqual([]);
  });
});
