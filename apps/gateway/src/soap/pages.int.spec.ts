import { OPERATIONS } from './registry.js';
import { LOGIN, PATH, ping, Provisioned, startSoapWorld, type SoapWorld } from './soap.fixtures.js';

let world: SoapWorld;
beforeAll(async () => {
  world = await startSoapWorld();
});
afterAll(() => world.close());

describe('the help page', () => {
  it('lists the methods by name, each with its description', async () => {
    const { status, headers, body } = await world.get(PATH);
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(body).toContain('<title>ProvisionV3 Web Service</title>');
    expect(body).toContain(`please review the <a href="${PATH}?WSDL">Service Description</a>`);
    const listed = [...body.matchAll(/\?op=(\w+)">/g)].map(([, name]) => name);
    expect(listed).toEqual(OPERATIONS.map(({ name }) => name).toSorted((a, b) => (a < b ? -1 : 1)));
  });

  it('runs nothing, is not framed and sends no referrer', async () => {
    const { headers } = await world.get(PATH);
    expect(headers).toMatchObject({ 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer' });
    const policy = headers['content-security-policy'] as string;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("form-action 'self'");
    expect(policy).not.toMatch(/script-src|unsafe/);
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('has a page for each method with a form and three samples', async () => {
    for (const { name } of OPERATIONS) {
      const { status, body } = await world.get(`${PATH}?op=${name}`);
      expect(status).toBe(200);
      expect(body).toContain(`action="${PATH}/${name}"`);
      expect(body).toContain('<input type="password" autocomplete="off" size="50" name="loginPassword"');
      expect(body.match(/<pre>/g)).toHaveLength(6);
    }
  });

  it('shows samples as clients are to send them', async () => {
    const { body } = await world.get(`${PATH}?op=AddSystemProvider`);
    expect(body).toContain('SOAPAction: &quot;http://strowger.dev/provision/AddSystemProvider&quot;');
    expect(body).toContain('      &lt;loginUserName&gt;<font class="value">string</font>&lt;/loginUserName&gt;');
    expect(body).toContain('Content-Length: <font class="value">length</font>');
    expect(body).toContain('&lt;soap12:Envelope');
    expect(body).toContain('loginUserName=<font class="value">string</font>&amp;loginPassword=');
    const licenses = (await world.get(`${PATH}?op=GetUserLicenses`)).body;
    expect(licenses.match(/&lt;UserLicense&gt;/g)).toHaveLength(6);
  });

  it('says so, escaped, when there is no such method', async () => {
    const { status, body } = await world.get(`${PATH}?op=${encodeURIComponent('<script>alert(1)</script>"\'')}`);
    expect(status).toBe(200);
    expect(body).toContain('<title>Method Not Found</title>');
    expect(body).not.toContain('<script>');
  });
});

describe('the description', () => {
  it.each(['?WSDL', '?wsdl', '?Wsdl=', '?singleWsdl'])('is at %s', async (query) => {
    const { status, headers, body } = await world.get(`${PATH}${query}`);
    expect([status, headers['content-type']]).toEqual([200, 'text/xml; charset=utf-8']);
    expect(body).toContain(`<soap:address location="https://soap.example${PATH}" />`);
  });

  it('has no other parts', async () => {
    for (const query of ['?wsdl=wsdl0', '?schema=x'])
      expect(await world.get(`${PATH}${query}`)).toMatchObject({ status: 404 });
  });

  it('is found by discovery, and answers HEAD without a body', async () => {
    expect((await world.get(`${PATH}?disco`)).body).toContain(`ref="https://soap.example${PATH}?wsdl"`);
    expect(await world.send({ method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  });

  it('is the same for everybody, whatever host they name', async () => {
    const texts = await Promise.all(
      Array.from({ length: 1000 }, (_, n) => world.get(`${PATH}?WSDL`, { host: `host-${n}.example` })),
    );
    expect(new Set(texts.map(({ body }) => body)).size).toBe(1);
  });
});

describe('settings', () => {
  it('move path and namespace, accept older namespaces and answer in them', async () => {
    const other = await startSoapWorld({
      PROVISION_SOAP_PATH: '/soap/service',
      PROVISION_SOAP_NAMESPACE: 'http://new.example/ns',
      PROVISION_SOAP_MORE_NAMESPACES: 'http://old.example/, urn:older',
      PROVISION_SOAP_PUBLIC_URL: 'https://a.example, https://b.example/other/path',
      PROVISION_SOAP_EXTENDED_RESULT: 'false',
      PROVISION_SOAP_FORM: 'false',
      CORS_ORIGINS: 'https://portal.example',
    });
    try {
      const path = '/soap/service';
      const headers = { 'content-type': 'text/xml', soapaction: '"http://old.example/Ping"' };
      const body = ping().replace('http://strowger.dev/provision/', 'http://old.example/');
      const answer = await other.send({ path, headers, body });
      expect(answer.body).toContain('<PingResponse xmlns="http://old.example/">');
      const mixed = { ...headers, soapaction: '"urn:older/Ping"' };
      expect((await other.send({ path, headers: mixed, body })).status).toBe(500);
      const wsdl = await other.get(`${path}?wsdl`, { host: 'B.example' });
      expect(wsdl.body).toContain('location="https://b.example/other/path"');
      expect(wsdl.body).toContain('soapAction="http://new.example/ns/Ping"');
      expect((await other.get(`${path}?wsdl`)).body).toContain('location="https://a.example/soap/service"');
      const missing = { ...headers, soapaction: '""' };
      const refused = await other.send({ path, headers: missing, body: body.replace('pw', '') });
      expect(refused.body).toContain('<success>false</success><errorMessage>');
      expect(refused.body).not.toContain('errorCode');
      expect((await other.get(`${path}?op=Ping`)).body).toContain('The test form is not available');
      expect((await other.send({ path: `${path}/Ping`, body: '' })).status).toBe(404);
      const preflight = { origin: 'https://portal.example', 'access-control-request-method': 'POST' };
      for (const sent of [
        await other.send({ method: 'OPTIONS', path, headers: preflight }),
        await other.send({ path, headers: { ...headers, origin: 'https://portal.example' }, body }),
      ])
        expect(Object.keys(sent.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    } finally {
      await other.close();
    }
  });

  it('limit addresses, require TLS and keep the help page to some', async () => {
    const other = await startSoapWorld({
      TRUSTED_PROXIES: '127.0.0.1',
      PROVISION_SOAP_RATE_PER_SECOND: '1',
      PROVISION_SOAP_RATE_BURST: '2',
      PROVISION_SOAP_REQUIRE_TLS: 'true',
      PROVISION_SOAP_HELP_ADDRESSES: '192.0.2.0/24',
    });
    try {
      other.reset();
      const from = (address: string, proto = 'https') => ({ 'x-forwarded-for': address, 'x-forwarded-proto': proto });
      const sent = (address: string) => other.form('Ping', LOGIN, from(address));
      const three = [await sent('192.0.2.1'), await sent('192.0.2.1'), await sent('192.0.2.1')];
      expect(three.map(({ status }) => status)).toEqual([200, 200, 503]);
      expect(three[2]!.headers['retry-after']).toBe('1');
      expect((await sent('6.6.6.6, 192.0.2.2')).status).toBe(200);
      expect(Provisioned.calls.at(-1)).toMatchObject({ address: '192.0.2.2', forwardedFor: '6.6.6.6, 192.0.2.2' });
      await sent('evil');
      expect(Provisioned.calls.at(-1)).not.toHaveProperty('address');
      expect((await other.form('Ping', LOGIN, from('192.0.2.3', 'http'))).status).toBe(403);
      expect((await other.get(PATH, from('192.0.2.4'))).status).toBe(200);
      expect((await other.get(PATH, from('198.51.100.1'))).status).toBe(403);
      expect((await other.get(`${PATH}?wsdl`, from('198.51.100.2'))).status).toBe(200);
    } finally {
      await other.close();
    }
  });
});
