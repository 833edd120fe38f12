import { SOAP11, TEXT, XML } from './raw-http.mjs';

/** Addresses, versions and routing, envelopes: §2.1, §2.5, §2.6. @returns `[name, request, reply][]` */
export function matrixCases(world) {
  const { actions, namespace, url, LOGIN } = world;
  const notRecognized = (action) =>
    world.fault('1.1', 'Client', `Server did not recognize the value of HTTP Header SOAPAction: ${action}.`);
  const noAction = world.fault(
    '1.2',
    'Sender',
    'Unable to handle request without a valid action parameter. Please supply a valid soap action.',
  );
  const contradicted = (asked, sent) =>
    world.badXml(`The action asks for ${asked} of the namespace '${namespace}', but the Body holds ${sent}.`);
  const must = (attributes) => `<s:Header><a:Security xmlns:a="urn:a" ${attributes}/></s:Header>`;
  const withHeader = (attributes) => world.soap11('Ping', LOGIN, { header: must(attributes) });
  const notUnderstood = (version) =>
    world.fault(version, 'MustUnderstand', 'SOAP header Security was not understood.', { detail: false });
  const bare = (status) => ({ status, type: '', body: '' });
  const html = (body) => ({ status: 200, type: 'text/html; charset=utf-8', body });
  const wsdl = {
    status: 200,
    type: XML,
    body: /^<\?xml version="1\.0" encoding="utf-8"\?>\s*<wsdl:definitions [\s\S]*<\/wsdl:definitions>\s*$/,
  };
  const get = (path, rest) => ({ method: 'GET', path, ...rest });
  const utf16 = (text, mark) =>
    Buffer.concat([Buffer.from(mark), Buffer.from(text.replace('utf-8', 'utf-16'), 'utf16le')]);
  const byElement = { 'content-type': 'text/xml', soapaction: '""' };

  return [
    // §2.1 URL space
    [
      'GET: help page',
      get(''),
      {
        ...html(/<title>ProvisionV3 Web Service<\/title>/),
        headers: { 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer' },
      },
    ],
    ['GET ?op=: operation page', get('?op=AddUserLicense'), html(/Invoke/)],
    ['GET ?op= of a script: escaped', get('?op=%3Cscript%3Ealert(1)%3C/script%3E'), html(/^(?!.*<script>alert)/s)],
    ['GET ?op= of no method', get('?op=Nothing'), html(/Method Not Found/i)],
    ['GET ?WSDL', get('?WSDL'), wsdl],
    ['GET ?wsdl', get('?wsdl'), wsdl],
    [
      'GET ?wsdl of another host: not in the addresses',
      get('?wsdl', { headers: { host: 'evil.example' } }),
      { ...wsdl, body: /^(?!.*evil\.example)/s },
    ],
    ['GET ?WsDl=', get('?WsDl='), wsdl],
    ['GET ?singleWsdl', get('?singleWsdl'), wsdl],
    ['GET ?wsdl=x', get('?wsdl=x'), { status: 404, type: TEXT }],
    ['GET ?schema=x', get('?schema=x'), { status: 404, type: TEXT }],
    ['GET ?disco', get('?disco'), { status: 200, type: XML, body: /<contractRef ref="[^"]*\?wsdl"/i }],
    [
      'GET of a method',
      get('/Ping?loginUserName=a&loginPassword=b'),
      { status: 405, type: TEXT, headers: { allow: 'POST' } },
    ],
    ['HEAD', { method: 'HEAD' }, { status: 200, body: '' }],
    ['PUT', { method: 'PUT' }, { status: 405, headers: { allow: 'GET, HEAD, POST' } }],
    ['path in another case', { ...world.ping(), service: url.pathname.toUpperCase() }, world.ok('Ping')],
    ['path with a slash at its end', { ...world.ping(), path: '/' }, world.ok('Ping')],

    // §2.5 routing and versions
    ['1.1', world.ping(), { ...world.ok('Ping'), headers: { 'cache-control': 'private, max-age=0' } }],
    ['1.2', world.ping12(), world.ok('Ping', '1.2')],
    ['1.1, action without quotes', world.ping({ soapaction: `${actions}Ping` }), world.ok('Ping')],
    [
      '1.1, action percent-encoded',
      world.ping({ soapaction: `"${actions.replace(':', '%3A')}Ping"` }),
      world.ok('Ping'),
    ],
    ['1.1, empty action: by element', world.ping({ soapaction: '""' }), world.ok('Ping')],
    ['1.1, no action: by element', world.ping({ soapaction: undefined }), world.ok('Ping')],
    ['1.1, unknown action', world.ping({ soapaction: '"urn:x"' }), notRecognized('urn:x')],
    [
      '1.1, action with # (SOAP::Lite without on_action)',
      world.ping({ soapaction: `"${namespace}#Ping"` }),
      notRecognized(`${namespace}#Ping`),
    ],
    ['1.1, action in another case', world.ping({ soapaction: `"${actions}ping"` }), notRecognized(`${actions}ping`)],
    [
      '1.1, action and element disagree',
      world.soap11('Ping', LOGIN, { headers: { soapaction: `"${actions}GetUser"` } }),
      contradicted('GetUser', `Ping in the namespace '${namespace}'`),
    ],
    [
      '1.1, element of another namespace',
      world.soap11('Ping', LOGIN, { namespace: 'urn:other' }),
      contradicted('Ping', "Ping in the namespace 'urn:other'"),
    ],
    [
      '1.1, empty Body',
      world.post(`<s:Envelope xmlns:s="${SOAP11}"><s:Body/></s:Envelope>`, { soapaction: `"${actions}Ping"` }),
      contradicted('Ping', 'nothing'),
    ],
    [
      '1.2, no space before action (JAX-WS)',
      world.ping12({ 'content-type': `application/soap+xml;charset=utf-8;action="${actions}Ping"` }),
      world.ok('Ping', '1.2'),
    ],
    [
      '1.2, action without quotes',
      world.ping12({ 'content-type': `application/soap+xml; action=${actions}Ping` }),
      world.ok('Ping', '1.2'),
    ],
    [
      '1.2, unknown action: by element',
      world.ping12({ 'content-type': 'application/soap+xml; action="urn:x;y"' }),
      world.ok('Ping', '1.2'),
    ],
    ['1.2, no action: by element', world.ping12({ 'content-type': 'application/soap+xml' }), world.ok('Ping', '1.2')],
    ['1.2, SOAPAction header (SOAP::Lite)', world.ping12({ soapaction: 'urn:x' }), world.ok('Ping', '1.2')],
    ['1.2, neither action nor element known', world.soap12('Nothing', ''), noAction],
    ['1.2 as text/xml without SOAPAction', world.ping12({ 'content-type': XML }), world.ok('Ping', '1.2')],
    ['1.1 as application/xml', world.ping({ 'content-type': 'application/xml' }), world.ok('Ping')],
    ['1.1 as application/soap+xml', world.ping({ 'content-type': 'application/soap+xml' }), bare(415)],
    [
      'another envelope',
      world.soap11('Ping', LOGIN, { soap: 'urn:soap13' }),
      { status: 500, type: XML, body: /<soap12:Upgrade .*<faultcode>soap:VersionMismatch<\/faultcode>/ },
    ],

    // §2.6 the envelope
    ['no Envelope', world.post('<a/>', { soapaction: '""' }), world.badXml('The root element is not a SOAP envelope.')],
    [
      'no Body',
      world.post(`<s:Envelope xmlns:s="${SOAP11}"/>`, { soapaction: '""' }),
      world.badXml('There is no Body element in the envelope.'),
    ],
    ['header nobody knows', withHeader(''), world.ok('Ping')],
    ['header that need not be understood', withHeader('s:mustUnderstand="0"'), world.ok('Ping')],
    ...['1', 'true'].map((flag) => [
      `header with mustUnderstand ${flag}`,
      withHeader(`s:mustUnderstand="${flag}"`),
      notUnderstood('1.1'),
    ]),
    [
      'header with mustUnderstand, 1.2',
      world.soap12('Ping', LOGIN, { header: must('s:mustUnderstand="true"') }),
      notUnderstood('1.2'),
    ],
    ['media type of something else', world.ping({ 'content-type': 'application/json' }), bare(415)],
    ['no media type', world.ping({ 'content-type': undefined }), bare(415)],
    ['multipart', world.ping({ 'content-type': 'multipart/related; boundary=x' }), bare(415)],
    ['charset unknown', world.ping({ 'content-type': 'text/xml; charset=koi8-r' }), bare(415)],
    ['Content-Encoding', world.ping({ 'content-encoding': 'gzip' }), { status: 415, body: '' }],
    ['Expect: 100-continue', world.ping({ expect: '100-continue' }), world.ok('Ping')],
    [
      'body that does not arrive',
      { ...world.ping(), stalls: true },
      world.fault('1.1', 'Client', 'The request did not arrive in time.', { status: 408 }),
    ],
    ['UTF-16 with a mark', world.post(utf16(world.ping().body, [0xff, 0xfe]), byElement), world.ok('Ping')],
    [
      'UTF-16 by charset',
      world.post(utf16(world.ping().body, []), { 'content-type': 'text/xml; charset=utf-16', soapaction: '""' }),
      world.ok('Ping'),
    ],
    ['UTF-8 with a mark', world.post(`\ufeff${world.ping().body}`, byElement), world.ok('Ping')],
    [
      'ISO-8859-1 by declaration',
      world.post(
        Buffer.from(
          world.ping().body.replace('utf-8', 'iso-8859-1').replace('</s:Body>', '<!-- \xe9 --></s:Body>'),
          'latin1',
        ),
        byElement,
      ),
      world.ok('Ping'),
    ],
  ];
}
