import { AppError, InvalidInput } from '@strowger/kernel';
import {
  elements,
  END,
  envelope,
  failure,
  fault11,
  fault12,
  HEAD11,
  HEAD12,
  LOGIN,
  NS,
  OK,
  PATH,
  ping,
  PRODUCT,
  Provisioned,
  result11,
  startSoapWorld,
  USER,
  type SoapWorld,
} from './soap.fixtures.js';
import { SOAP11, SOAP12 } from './xml.js';

let world: SoapWorld;
beforeAll(async () => {
  world = await startSoapWorld();
});
afterAll(() => world.close());
beforeEach(() => world.reset());

const license = (): string => envelope('AddUserLicense', elements({ ...LOGIN, ...USER, ...PRODUCT }));

describe('a reply', () => {
  it('is exact in SOAP 1.1', async () => {
    const reply = await world.soap11(license(), { soapaction: `"${NS}AddUserLicense"` });
    expect(reply.status).toBe(200);
    expect(reply.headers['content-type']).toBe('text/xml; charset=utf-8');
    expect(reply.headers['cache-control']).toBe('private, max-age=0');
    expect(reply.body).toBe(result11('AddUserLicense', OK));
    expect(Provisioned.calls).toEqual([
      expect.objectContaining({
        operation: 'AddUserLicense',
        parameters: { ...USER, ...PRODUCT },
        userName: 'iface',
        password: 'pw',
        address: '127.0.0.1',
        binding: 'SOAP11',
      }),
    ]);
  });

  it('is exact in SOAP 1.2', async () => {
    const reply = await world.soap12(ping(SOAP12));
    expect(reply.status).toBe(200);
    expect(reply.headers['content-type']).toBe('application/soap+xml; charset=utf-8');
    expect(reply.body).toBe(`${HEAD12}<PingResponse xmlns="${NS}"><PingResult>${OK}</PingResult></PingResponse>${END}`);
    expect(Provisioned.calls[0]).toMatchObject({ binding: 'SOAP12' });
  });

  it('holds arrays, nil dates and escaped text; drops what XML does not have', async () => {
    Provisioned.answer = () => ({
      data: {
        licenses: [
          {
            applicationName: 'A<&>\r"\u0001\uFFFE',
            licenseType: 'Tabular100+',
            isTrial: true,
            assignedDate: '2026-11-20T09:30:00.000Z',
            expiryDate: '2026-12-04T09:30:00.000Z',
          },
          { applicationName: '', isTrial: false, assignedDate: '2026-11-20T09:30:00.000Z', expiryDate: null },
        ],
      },
    });
    const { body } = await world.soap11(envelope('GetUserLicenses', elements({ ...LOGIN, ...USER })));
    const first =
      '<applicationName>A&lt;&amp;&gt;&#xD;"</applicationName><licenseType>Tabular100+</licenseType><isTrial>true</isTrial><assignedDate>2026-11-20T09:30:00.000Z</assignedDate><expiryDate>2026-12-04T09:30:00.000Z</expiryDate>';
    const second =
      '<applicationName /><isTrial>false</isTrial><assignedDate>2026-11-20T09:30:00.000Z</assignedDate><expiryDate xsi:nil="true" />';
    expect(body).toBe(
      result11(
        'GetUserLicenses',
        `${OK}<licenses><UserLicense>${first}</UserLicense><UserLicense>${second}</UserLicense></licenses>`,
      ),
    );
    Provisioned.answer = () => ({ data: { licenses: [] } });
    expect((await world.soap11(envelope('GetUserLicenses', elements({ ...LOGIN, ...USER })))).body).toBe(
      result11('GetUserLicenses', `${OK}<licenses />`),
    );
  });

  it('answers a refusal with its code, and a field error as a bad parameter', async () => {
    Provisioned.answer = () => {
      throw new AppError('conflict', 'insufficient-provider-licenses', 'Asked for 1, <0> are free.');
    };
    expect((await world.soap11(license())).body).toBe(
      result11('AddUserLicense', failure('Asked for 1, &lt;0&gt; are free.', 'INSUFFICIENT_PROVIDER_LICENSES')),
    );
    Provisioned.answer = () => {
      throw new InvalidInput([{ field: 'x', rule: 'r', message: 'Too long.' }]);
    };
    const reply = await world.soap11(license());
    expect(reply.status).toBe(200);
    expect(reply.body).toBe(result11('AddUserLicense', failure('Too long.', 'PARAMETER_INVALID')));
  });

  it('says nothing of a bug but where to look', async () => {
    Provisioned.answer = () => {
      throw new TypeError('canary');
    };
    const reply = await world.soap11(ping(), { 'x-request-id': 'reference-1' });
    expect(reply.status).toBe(500);
    expect(reply.body).toBe(fault11('Server', 'Server was unable to process request. ---&gt; Reference: reference-1'));
  });

  it('says when an account is too fast, in HTTP', async () => {
    Provisioned.answer = () => {
      throw new AppError('rate-limited', 'rate-limited', 'Slowly.', {}, { retryAfterSeconds: 7 });
    };
    const reply = await world.soap11(ping());
    expect([reply.status, reply.headers['retry-after']]).toEqual([503, '7']);
  });
});

describe('routing', () => {
  it.each([
    ['no quotes', `${NS}Ping`],
    ['percent-encoded', `"${NS.replace(':', '%3A')}Ping"`],
    ['empty: by element', '""'],
    ['nothing at all: by element', ''],
  ])('1.1, action with %s', async (_, soapaction) => {
    expect((await world.soap11(ping(), { soapaction })).body).toBe(result11('Ping', OK));
  });

  it.each(['x', `"${NS}ping"`, `"${NS.slice(0, -1)}#Ping"`, '"http://other/Ping"'])(
    '1.1 refuses the action %s',
    async (soapaction) => {
      const reply = await world.soap11(ping(), { soapaction });
      expect(reply.status).toBe(500);
      expect(reply.body).toBe(
        fault11(
          'Client',
          `Server did not recognize the value of HTTP Header SOAPAction: ${soapaction.replaceAll('"', '')}.`,
        ),
      );
      expect(Provisioned.calls).toEqual([]);
    },
  );

  it('refuses an action that the element contradicts, in both versions', async () => {
    for (const reply of [
      await world.soap11(license(), { soapaction: `"${NS}Ping"` }),
      await world.soap12(envelope('AddUserLicense', '', { soap: SOAP12 }), {
        'content-type': `application/soap+xml;charset=utf-8;action="${NS}Ping"`,
      }),
      await world.soap11(envelope('Ping', elements(LOGIN), { ns: 'http://other/' }), { soapaction: `"${NS}Ping"` }),
      await world.soap11(`<Envelope xmlns="${SOAP11}"><Body/></Envelope>`, { soapaction: `"${NS}Ping"` }),
    ]) {
      expect(reply.status).toBe(500);
      expect(reply.body).toMatch(/soap:(Client|Sender).*The action asks for Ping/);
    }
    expect(Provisioned.calls).toEqual([]);
  });

  it.each([
    ['quoted after a space', `application/soap+xml; charset=utf-8; action="${NS}Ping"`],
    ['without a space', `application/soap+xml;charset=utf-8;action="${NS}Ping"`],
    ['unquoted', `application/soap+xml; action=${NS}Ping`],
    ['never closed', `application/soap+xml; action="${NS}Ping`],
    ['unknown, so by element', 'application/soap+xml; action="urn:x;y"'],
    ['absent', 'application/soap+xml'],
  ])('1.2, action parameter %s', async (_, type) => {
    expect((await world.soap12(ping(SOAP12), { 'content-type': type })).body).toContain(OK);
  });

  it('1.2 ignores a SOAPAction header', async () => {
    expect((await world.soap12(ping(SOAP12), { soapaction: 'urn:whatever' })).body).toContain(OK);
  });

  it('answers in the version of the envelope, whatever the headers look like', async () => {
    const bare = { 'content-type': 'text/xml' };
    expect((await world.send({ body: ping(), headers: bare })).body).toBe(result11('Ping', OK));
    const as12 = await world.send({ body: ping(SOAP12), headers: bare });
    expect(as12.body).toContain(SOAP12);
    expect(as12.headers['content-type']).toBe('application/soap+xml; charset=utf-8');
    expect((await world.soap11(ping(), { 'content-type': 'application/xml' })).body).toBe(result11('Ping', OK));
  });

  it('faults when neither action nor element is known', async () => {
    const unknown = (soap: string): string => envelope('Nothing', '', { soap });
    expect(await world.soap12(unknown(SOAP12))).toMatchObject({
      status: 500,
      body: fault12(
        'Sender',
        'Unable to handle request without a valid action parameter. Please supply a valid soap action.',
      ),
    });
    expect(await world.soap11(unknown(SOAP11))).toMatchObject({ status: 500 });
    expect((await world.soap12(envelope('Ping', '', { soap: SOAP12, ns: 'http://other/' }))).status).toBe(500);
  });

  it('finds the service by its path in any case, the method only as it is written', async () => {
    const headers = { 'content-type': 'text/xml', soapaction: '""' };
    for (const path of [PATH.toLowerCase(), PATH.toUpperCase(), `${PATH}/`])
      expect((await world.send({ path, headers, body: ping() })).status).toBe(200);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const sent = { path: `${PATH.toUpperCase()}/ping`, headers: form, body: 'loginUserName=a&loginPassword=b' };
    expect(await world.send(sent)).toMatchObject({ status: 500, body: expect.stringContaining('Ping') as string });
  });

  it.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS'])('answers %s with 405', async (method) => {
    expect(await world.send({ method })).toMatchObject({
      status: 405,
      headers: expect.objectContaining({ allow: 'GET, HEAD, POST' }) as object,
    });
  });
});

describe('the envelope', () => {
  it('of another version is answered in 1.1 with what there is', async () => {
    const reply = await world.soap12(ping().replace(SOAP11, 'http://www.w3.org/2001/12/soap-envelope'));
    expect(reply.status).toBe(500);
    expect(reply.headers['content-type']).toBe('text/xml; charset=utf-8');
    expect(reply.body).toContain('<faultcode>soap:VersionMismatch</faultcode>');
    expect(reply.body).toContain('<soap12:SupportedEnvelope qname="soap:Envelope" />');
  });

  it.each([
    ['no envelope', '<a/>'],
    ['no body', `<Envelope xmlns="${SOAP11}"/>`],
    ['a body of another namespace', `<Envelope xmlns="${SOAP11}"><Body xmlns="urn:x"/></Envelope>`],
    ['an empty body', `<Envelope xmlns="${SOAP11}"><Body/></Envelope>`],
  ])('with %s is a fault', async (_, body) => {
    expect(await world.soap11(body)).toMatchObject({
      status: 500,
      body: expect.stringContaining('<faultcode>soap:Client</faultcode>') as string,
    });
  });

  const block = (attributes: string): string =>
    `<s:Header><a:Security xmlns:a="urn:a" ${attributes}><a:b/></a:Security></s:Header>`;
  const withHeader = (attributes: string, soap = SOAP11): string =>
    envelope('Ping', elements(LOGIN), { soap, header: block(attributes) });

  it('may have headers that need not be understood, or not by us', async () => {
    for (const attributes of ['', 's:mustUnderstand="0"', 's:mustUnderstand="1" s:actor="urn:else"'])
      expect((await world.soap11(withHeader(attributes))).body).toBe(result11('Ping', OK));
  });

  it.each(['1', 'true'])('with a header that must be understood (%s) stops before anything is done', async (must) => {
    const text = 'SOAP header Security was not understood.';
    const reply = await world.soap11(withHeader(`s:mustUnderstand="${must}"`));
    expect(reply.status).toBe(500);
    expect(reply.body).toBe(
      `${HEAD11}<soap:Fault><faultcode>soap:MustUnderstand</faultcode><faultstring>${text}</faultstring></soap:Fault>${END}`,
    );
    const reply12 = await world.soap12(withHeader(`s:mustUnderstand="${must}"`, SOAP12));
    expect(reply12.body).toContain(`<soap:Value>soap:MustUnderstand</soap:Value>`);
    expect(Provisioned.calls).toEqual([]);
  });
});
