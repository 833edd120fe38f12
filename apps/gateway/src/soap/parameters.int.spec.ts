import {
  elements,
  envelope,
  failure,
  LOGIN,
  OK,
  PRODUCT,
  Provisioned,
  result11,
  startSoapWorld,
  USER,
  type SoapWorld,
} from './soap.fixtures.js';

let world: SoapWorld;
beforeAll(async () => {
  world = await startSoapWorld();
});
afterAll(() => world.close());
beforeEach(() => world.reset());

const license = (inner = elements({ ...LOGIN, ...USER, ...PRODUCT })): string => envelope('AddUserLicense', inner);
const LICENSE = { ...LOGIN, ...USER, ...PRODUCT };
const reseller = { ...LOGIN, serverHostName: 'h', resellerId: 'r' };
const sub = (count: string): string =>
  envelope('AddResellerLicenseSubPurchase', elements({ ...reseller, ...PRODUCT }) + count);

describe('parameters', () => {
  const call = async (body: string): Promise<string> => (await world.soap11(body)).body;

  it('come in any order, with decoration and elements nobody knows', async () => {
    const inner = Object.entries(LICENSE)
      .toReversed()
      .map(([name, value]) => `<${name} xsi:type="xsd:string" a="b">${value}</${name}><new><deep/></new>`)
      .join('');
    expect(await call(license(inner))).toBe(result11('AddUserLicense', OK));
    expect(Provisioned.calls[0]!.parameters).toEqual({ ...USER, ...PRODUCT });
  });

  it('may be in no namespace, but not in another', async () => {
    const bare = Object.entries(LOGIN).map(([name, value]) => `<${name} xmlns="">${value}</${name}>`);
    expect(await call(envelope('Ping', bare.join('')))).toBe(result11('Ping', OK));
    const other = Object.entries(LOGIN).map(([name, value]) => `<o:${name} xmlns:o="urn:o">${value}</o:${name}>`);
    expect(await call(envelope('Ping', other.join('')))).toContain('PARAMETER_MISSING');
  });

  it('are known by their aliases, not in another case', async () => {
    const { loginUserName, loginPassword } = LOGIN;
    const spelt = { loginUsername: loginUserName, loginPassword };
    expect(await call(envelope('Ping', elements(spelt)))).toBe(result11('Ping', OK));
    const inner = elements({ ...spelt, ...USER, applicationName: 'UnityDesktop', licenseName: 'Pro' });
    expect(await call(envelope('DeleteUserLicense', inner))).toBe(result11('DeleteUserLicense', OK));
    expect(Provisioned.calls.at(-1)!.parameters).toEqual({ ...USER, ...PRODUCT });
    expect(await call(envelope('Ping', elements({ LoginUserName: 'a', loginPassword })))).toBe(
      result11(
        'Ping',
        failure('The parameter loginUserName is mandatory and is missing or empty.', 'PARAMETER_MISSING'),
      ),
    );
  });

  it('given twice are refused, unless both spellings say the same', async () => {
    const twice = (second: string): string => envelope('Ping', elements(LOGIN) + second);
    const refusal = 'The parameter loginUserName was given more than once.';
    for (const second of [
      '<loginUserName>b</loginUserName>',
      '<loginUserName>iface</loginUserName>',
      '<loginUsername>b</loginUsername>',
    ])
      expect(await call(twice(second))).toBe(result11('Ping', failure(refusal, 'PARAMETER_INVALID')));
    expect(Provisioned.calls).toEqual([]);
    expect(await call(twice('<loginUsername>iface</loginUsername>'))).toBe(result11('Ping', OK));
  });

  it.each([
    ['absent', ''],
    ['empty', '<loginPassword/>'],
    ['white space', '<loginPassword> \n</loginPassword>'],
    ['nil', '<loginPassword xsi:nil="true">pw</loginPassword>'],
    ['nil in figures', '<loginPassword xsi:nil="1"/>'],
  ])('that are mandatory and %s are named; a login without a password is none', async (_, password) => {
    expect(await call(envelope('Ping', `<loginUserName>iface</loginUserName>${password}`))).toBe(
      result11(
        'Ping',
        failure('The parameter loginPassword is mandatory and is missing or empty.', 'PARAMETER_MISSING'),
      ),
    );
    expect(Provisioned.calls).toEqual([]);
  });

  it('keep their white space, CDATA and characters; comments vanish', async () => {
    const inner = elements({ ...reseller, resellerName: ' a<!-- no -->b<![CDATA[ <c>&amp; ]]>\u{1F600}&#233; ' });
    expect(await call(envelope('AddReseller', inner))).toBe(result11('AddReseller', OK));
    expect(Provisioned.calls[0]!.parameters).toEqual({
      serverHostName: 'h',
      resellerId: 'r',
      resellerName: ' ab <c>&amp; \u{1F600}é ',
      isEnterprise: false,
    });
  });

  it('never trim a license: a space at its end arrives', async () => {
    await call(license(elements({ ...LICENSE, licenseType: 'Tabular100 ' })));
    expect(Provisioned.calls[0]!.parameters).toMatchObject({ licenseType: 'Tabular100 ' });
  });

  it.each([
    ['resellerId', ' r', 'must not begin or end with white space'],
    ['resellerId', 'r'.repeat(31), 'has more than 30 characters'],
    ['resellerId', 'a&#9;b', 'holds characters that are no text'],
    ['groupId', 'g\u00a0', 'must not begin or end with white space'],
    ['serverHostName', 'h'.repeat(254), 'has more than 253 characters'],
    ['broadworksUserId', `${'u'.repeat(160)}@x`, 'has more than 161 characters'],
    ['loginUserName', 'u'.repeat(256), 'has more than 255 characters'],
  ])('%s = %j %s', async (name, value, why) => {
    const { body } = await world.soap11(license(elements({ ...LICENSE, [name]: value })));
    expect(body).toBe(result11('AddUserLicense', failure(`The parameter ${name} ${why}.`, 'PARAMETER_INVALID')));
    expect(Provisioned.calls).toEqual([]);
  });

  it.each([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
    [' true\n', true],
  ])('boolean %j is %s', async (text, value) => {
    await call(envelope('AddReseller', elements({ ...reseller, isEnterprise: text })));
    expect(Provisioned.calls[0]!.parameters).toMatchObject({ isEnterprise: value });
  });

  it.each(['True', '', 'yes'])('boolean %j is a reading fault', async (text) => {
    const reply = await world.soap11(envelope('AddReseller', elements({ ...reseller, isEnterprise: text })));
    expect(reply.status).toBe(500);
    expect(reply.body).toMatch(
      /soap:Client.*Server was unable to read request\. ---&gt; There is an error in XML document \(1, \d+\)\. ---&gt; The string/,
    );
  });

  it.each(['5', ' 5 ', '+5', '005'])('int %j is 5', async (text) => {
    await call(sub(`<numberOfLicenses>${text}</numberOfLicenses>`));
    expect(Provisioned.calls[0]!.parameters).toMatchObject({ numberOfLicenses: 5 });
  });

  it.each(['abc', '', '5.0', '2147483648', '-2147483649', '0x10', '1e3'])('int %j is a reading fault', async (text) => {
    const reply = await world.soap11(sub(`<numberOfLicenses>${text}</numberOfLicenses>`));
    expect(reply.status).toBe(500);
    expect(reply.body).toContain('<faultstring>Server was unable to read request. ---&gt; There is an error in XML');
    const nil = await world.soap11(sub('<numberOfLicenses xsi:nil="true"/>'));
    expect(nil.status).toBe(500);
  });

  it.each(['-1', '1000001', '2147483647'])('int %j is out of range', async (text) => {
    expect(await call(sub(`<numberOfLicenses>${text}</numberOfLicenses>`))).toContain('PARAMETER_INVALID');
  });

  it('int that is missing is named', async () => {
    expect(await call(sub(''))).toContain('numberOfLicenses is mandatory');
  });

  it.each([
    ['trialDurationDays', '91', 'must be a number from 0 to 90'],
    ['trialDurationDays', 'x', 'must be a whole number'],
    ['useTrialLicensesUntilExpiration', 'maybe', 'must be true or false'],
  ])('optional %s = %s %s', async (name, value, why) => {
    const inner = elements({ ...LOGIN, serverHostName: 'h', [name]: value });
    expect(await call(envelope('UpdateSystemProvider', inner))).toContain(`The parameter ${name} ${why}.`);
  });

  it('optional ones: left out is absent, empty is empty', async () => {
    await call(envelope('UpdateReseller', elements({ ...reseller, newResellerName: '' })));
    expect(Provisioned.calls[0]!.parameters).toEqual({ serverHostName: 'h', resellerId: 'r', newResellerName: '' });
  });

  it('holding an element are a fault with 400', async () => {
    const reply = await world.soap11(envelope('Ping', `${elements(LOGIN).replace('pw', '<b/>')}`));
    expect(reply.status).toBe(400);
    expect(reply.body).toContain('Unexpected element in loginPassword');
  });
});
