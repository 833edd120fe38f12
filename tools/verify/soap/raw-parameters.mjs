import { elements, escape, TEXT, XML } from './raw-http.mjs';

const PRODUCT = { applicationName: 'UnityDesktop', licenseType: 'Pro' };

/** Parameters in SOAP and in forms: §2.6. @returns `[name, request, reply][]` */
export function parameterCases(world) {
  const { namespace, host, login, LOGIN, reseller, userName, password, url } = world;
  const RESELLER = elements(reseller);
  const license = { ...reseller, groupId: 'g', broadworksUserId: 'u@x', ...PRODUCT };
  const notBoolean = (text) => world.badXml(`The string '${text}' is not a valid Boolean value.`);
  const notInt = world.badXml('Input string was not in a correct format.');
  const tooGreat = world.badXml('Value was either too large or too small for an Int32.');
  const asEnterprise = (text) => world.soap11('AddReseller', `${RESELLER}<isEnterprise>${text}</isEnterprise>`);
  const asMany = (text) =>
    world.soap11('AddResellerLicenseSubPurchase', `${elements({ ...reseller, ...PRODUCT })}${text}`);
  const formOk = {
    status: 200,
    type: XML,
    body: `<?xml version="1.0" encoding="utf-8"?>\n<ProvisionResponse xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="${namespace}">\n  <success>true</success>\n</ProvisionResponse>`,
  };

  return [
    // §2.6 parameters
    [
      'parameters in another order',
      world.soap11('Ping', elements({ loginPassword: password, loginUserName: userName })),
      world.ok('Ping'),
    ],
    [
      'elements and attributes nobody knows',
      world.soap11('Ping', `<x><y/></x>${LOGIN.replace('<loginUserName>', '<loginUserName a="b">')}`),
      world.ok('Ping'),
    ],
    [
      'parameters in no namespace',
      world.soap11('Ping', LOGIN.replaceAll(/<(login\w+)>/g, '<$1 xmlns="">')),
      world.ok('Ping'),
    ],
    [
      'parameters in another namespace',
      world.soap11('Ping', LOGIN.replaceAll(/<(login\w+)>/g, '<$1 xmlns="urn:x">')),
      world.missing('Ping', 'loginUserName'),
    ],
    [
      'parameter in another case',
      world.soap11('Ping', elements({ LoginUserName: userName, loginPassword: password })),
      world.missing('Ping', 'loginUserName'),
    ],
    [
      'alias loginUsername',
      world.soap11('Ping', elements({ loginUsername: userName, loginPassword: password })),
      world.ok('Ping'),
    ],
    [
      'alias licenseName',
      world.soap11('DeleteUserLicense', elements(license).replaceAll('licenseType', 'licenseName')),
      world.unknownHost('DeleteUserLicense'),
    ],
    [
      'parameter twice',
      world.soap11('Ping', `${LOGIN}<loginUserName>other</loginUserName>`),
      world.invalid('Ping', 'loginUserName', 'was given more than once'),
    ],
    [
      'both spellings that differ',
      world.soap11('Ping', `${LOGIN}<loginUsername>other</loginUsername>`),
      world.invalid('Ping', 'loginUserName', 'was given more than once'),
    ],
    ['no login', world.soap11('Ping', ''), world.missing('Ping', 'loginUserName')],
    ['no login, 1.2', world.soap12('Ping', ''), world.missing('Ping', 'loginUserName', '1.2')],
    ...[
      ['empty', '<loginPassword/>'],
      ['white space', '<loginPassword> \n </loginPassword>'],
      ['nil', '<loginPassword xsi:nil="true"/>'],
    ].map(([how, element]) => [
      `password ${how}`,
      world.soap11('Ping', `<loginUserName>${escape(userName)}</loginUserName>${element}`),
      world.missing('Ping', 'loginPassword'),
    ]),
    ['mandatory parameter missing', world.soap11('AddReseller', LOGIN), world.missing('AddReseller', 'serverHostName')],
    [
      'mandatory parameter of white space',
      world.soap11('AddReseller', elements({ ...login, serverHostName: ' ' })),
      world.missing('AddReseller', 'serverHostName'),
    ],
    [
      'id with a space before it',
      world.soap11('AddReseller', elements({ ...reseller, resellerId: ' r' })),
      world.invalid('AddReseller', 'resellerId', 'must not begin or end with white space'),
    ],
    [
      'id too long',
      world.soap11('AddReseller', elements({ ...reseller, resellerId: 'r'.repeat(31) })),
      world.invalid('AddReseller', 'resellerId', 'has more than 30 characters'),
    ],
    [
      'control character in an id',
      world.soap11('AddReseller', RESELLER.replace('>r<', '>a&#9;b<')),
      world.invalid('AddReseller', 'resellerId', 'holds characters that are no text'),
    ],
    [
      'CDATA and comments are text and nothing',
      world.soap11(
        'Ping',
        `<loginUserName><![CDATA[${userName}]]></loginUserName><loginPassword>${escape(password)}<!-- no --></loginPassword>`,
      ),
      world.ok('Ping'),
    ],
    [
      'element inside a parameter',
      world.soap11('Ping', '<loginUserName>a<b/></loginUserName>'),
      world.badXml('Unexpected element in loginUserName: it can only hold text.', 400),
    ],
    ...['true', 'false', '1', '0', ' true\n'].map((text) => [
      `boolean ${JSON.stringify(text)}`,
      asEnterprise(text),
      world.unknownHost('AddReseller'),
    ]),
    ['boolean missing is false', world.soap11('AddReseller', RESELLER), world.unknownHost('AddReseller')],
    ['boolean True', asEnterprise('True'), notBoolean('True')],
    ['boolean empty', asEnterprise(''), notBoolean('')],
    ['boolean nil', world.soap11('AddReseller', `${RESELLER}<isEnterprise xsi:nil="true"/>`), notBoolean('')],
    ...['abc', '5.0', '', '0x10'].map((text) => [
      `int ${JSON.stringify(text)}`,
      asMany(`<numberOfLicenses>${text}</numberOfLicenses>`),
      notInt,
    ]),
    ['int too great', asMany('<numberOfLicenses>2147483648</numberOfLicenses>'), tooGreat],
    [
      'int with white space',
      asMany('<numberOfLicenses> 5 </numberOfLicenses>'),
      world.unknownHost('AddResellerLicenseSubPurchase'),
    ],
    ['int missing', asMany(''), world.missing('AddResellerLicenseSubPurchase', 'numberOfLicenses')],
    [
      'int below zero',
      asMany('<numberOfLicenses>-1</numberOfLicenses>'),
      { status: 200, type: XML, body: /<errorCode>PARAMETER_INVALID<\/errorCode>/ },
    ],
    [
      'server host name in another case',
      world.soap11('GetReseller', elements({ ...login, serverHostName: host.toUpperCase(), resellerId: 'none-such' })),
      { status: 200, type: XML, body: /<errorCode>RESELLER_NOT_FOUND<\/errorCode>/ },
    ],

    // §2.6 form binding
    ['form', world.form('Ping', login), formOk],
    ['form, alias', world.form('Ping', { loginUsername: userName, loginPassword: password }), formOk],
    ['form, empty password', world.form('Ping', { ...login, loginPassword: '' }), world.withCode('PARAMETER_MISSING')],
    [
      'form, field missing',
      world.form('Ping', { loginUserName: userName }),
      world.line(500, 'Missing parameter: loginPassword.'),
    ],
    [
      'form, unknown method',
      world.form('Nothing', login),
      world.line(500, 'Nothing Web Service method name is not valid.'),
    ],
    [
      'form, method in another case',
      world.form('ping', login),
      { status: 500, type: TEXT, body: /^ping Web Service method name is not valid\. .*Ping\.\r\n$/ },
    ],
    [
      'form, field twice',
      world.form('Ping', `${new URLSearchParams(login)}&loginUserName=other`),
      world.withCode('PARAMETER_INVALID'),
    ],
    [
      'form, another media type',
      world.form('Ping', '{}', { 'content-type': 'application/json' }),
      world.line(500, 'Request format is invalid: application/json.'),
    ],
    [
      'form, multipart',
      world.form('Ping', '', { 'content-type': 'multipart/form-data; boundary=x' }),
      world.line(500, 'Request format is invalid: multipart/form-data.'),
    ],
    ...['true', 'True', 'False', '1', '0'].map((text) => [
      `form, boolean ${text}`,
      world.form('AddReseller', { ...reseller, resellerName: '', isEnterprise: text }),
      world.withCode('PROVIDER_NOT_FOUND'),
    ]),
    [
      'form, boolean yes',
      world.form('AddReseller', { ...reseller, resellerName: '', isEnterprise: 'yes' }),
      world.line(500, 'Cannot convert yes to System.Boolean.'),
    ],
    [
      'form, int abc',
      world.form('AddResellerLicenseSubPurchase', {
        ...reseller,
        applicationName: 'UnityDesktop',
        licenseType: 'Pro',
        numberOfLicenses: 'abc',
      }),
      world.line(500, 'Cannot convert abc to System.Int32.'),
    ],
    [
      'form, %uXXXX as .NET sends it',
      world.form(
        'AddReseller',
        `${new URLSearchParams(reseller)}&resellerName=%u6771%u4EAC+%uD83D%uDE00&isEnterprise=true`,
      ),
      world.withCode('PROVIDER_NOT_FOUND'),
    ],
    [
      'form from another site',
      world.form('Ping', login, { origin: 'https://evil.example' }),
      { status: 403, type: TEXT },
    ],
    [
      'form from another site, by Sec-Fetch-Site',
      world.form('Ping', login, { 'sec-fetch-site': 'cross-site' }),
      { status: 403, type: TEXT },
    ],
    [
      'form from a sister site',
      world.form('Ping', login, { 'sec-fetch-site': 'same-site' }),
      { status: 403, type: TEXT },
    ],
    ['form from our help page', world.form('Ping', login, { origin: 'null', 'sec-fetch-site': 'same-origin' }), formOk],
    ['form from our own origin', world.form('Ping', login, { origin: url.origin }), formOk],
  ];
}
