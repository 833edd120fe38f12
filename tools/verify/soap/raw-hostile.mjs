import { escape, literally } from './raw-http.mjs';

const LIMIT = 262_144;
const ACTION = { soapaction: '""' };

/** What is meant to hurt: each is refused, and soon. §3.5, §3.6. @returns `[name, request, reply][]` */
export function hostileCases(world) {
  const { LOGIN, trapUrl } = world;
  const bad = (reason) => world.badXml(reason, 400);
  const withDoctype = (doctype, inner) =>
    world.post(world.envelope('Ping', inner).replace('?>', `?>${doctype}`), ACTION);
  const inEnvelope = (inner) => world.post(world.envelope('Ping', inner), ACTION);
  const entities = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map(
    (name, at) => `<!ENTITY ${name} "${at === 0 ? 'lol' : `&${String.fromCharCode(96 + at)};`.repeat(10)}">`,
  );
  const dtd = bad('For security reasons DTD is prohibited in this XML document.');
  /** An envelope of exactly this many bytes. */
  const sized = (bytes) => {
    const empty = inEnvelope(`${LOGIN}<!---->`);
    return inEnvelope(`${LOGIN}<!--${'x'.repeat(bytes - Buffer.byteLength(empty.body))}-->`);
  };
  const tooLarge = world.fault('1.1', 'Client', `The request has more than ${LIMIT} bytes.`, { status: 413 });
  const fill = (text) => text.repeat(Math.floor((LIMIT - 2000) / text.length));
  const nul = world.envelope('Ping', LOGIN).replace('</s:Body>', '\0</s:Body>');
  const anyBad = { status: 400, body: /<faultcode>soap:Client<\/faultcode>/ };

  return [
    ['entity bomb', withDoctype(`<!DOCTYPE x [${entities.join('')}]>`, '<loginUserName>&i;</loginUserName>'), dtd],
    [
      'quadratic entity',
      withDoctype(
        `<!DOCTYPE x [<!ENTITY a "${'x'.repeat(50_000)}">]>`,
        `<loginUserName>${'&a;'.repeat(10_000)}</loginUserName>`,
      ),
      dtd,
    ],
    [
      'external entity',
      withDoctype(`<!DOCTYPE x [<!ENTITY a SYSTEM "${trapUrl}">]>`, '<loginUserName>&a;</loginUserName>'),
      dtd,
    ],
    [
      'external entity of a file',
      withDoctype('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>', '<loginUserName>&a;</loginUserName>'),
      dtd,
    ],
    ['external DTD', withDoctype(`<!DOCTYPE x SYSTEM "${trapUrl}">`, LOGIN), dtd],
    ['parameter entity', withDoctype(`<!DOCTYPE x [<!ENTITY % a SYSTEM "${trapUrl}"> %a;]>`, LOGIN), dtd],
    ['entity without a DTD', inEnvelope('<loginUserName>&a;</loginUserName>'), anyBad],
    [
      'processing instruction',
      withDoctype('<?xml-stylesheet href="x"?>', LOGIN),
      bad('Processing instructions are not accepted.'),
    ],
    [
      'XML 1.1',
      world.post(world.envelope('Ping', LOGIN).replace('version="1.0"', 'version="1.1"'), ACTION),
      bad("Version number '1.1' is invalid."),
    ],
    ['depth 33', inEnvelope('<a>'.repeat(30) + '</a>'.repeat(30)), bad('Elements are nested more than 32 deep.')],
    ['depth of 60,000', inEnvelope('<a>'.repeat(60_000)), bad('Elements are nested more than 32 deep.')],
    [
      'depth of 20,000, a namespace each',
      inEnvelope(fill('<a xmlns:b="c">')),
      bad('Elements are nested more than 32 deep.'),
    ],
    ['60,000 elements', inEnvelope('<a/>'.repeat(60_000)), bad('More than 2000 elements.')],
    [
      '30,000 attributes',
      inEnvelope(
        `<a ${Array.from({ length: 30_000 }, (_, at) => `a${at}=""`)
          .join(' ')
          .slice(0, 250_000)
          .replace(/ [^ ]*$/, '')}/>`,
      ),
      bad('More than 4096 attributes.'),
    ],
    [
      'text of 200,000 characters',
      inEnvelope(`<loginUserName>${'x'.repeat(200_000)}</loginUserName>`),
      bad('An element holds more than 65536 characters.'),
    ],
    ['most bytes allowed', sized(LIMIT), world.ok('Ping')],
    ['one byte more', sized(LIMIT + 1), tooLarge],
    ['a megabyte', sized(1_048_576), tooLarge],
    [
      'a form of a megabyte',
      world.form('Ping', `loginUserName=a&loginPassword=${'x'.repeat(1_048_576)}`),
      { status: 413 },
    ],
    ['a form of 100,000 fields', world.form('Ping', fill('a=&')), world.line(500, 'Missing parameter: loginUserName.')],
    [
      'a form of nothing but percent signs',
      world.form('Ping', `loginUserName=${fill('%')}&loginPassword=x`),
      { status: 400 },
    ],
    ['not closed', world.post(world.envelope('Ping', LOGIN).slice(0, -20), ACTION), anyBad],
    ['tags that do not match', inEnvelope('<a></b>'), anyBad],
    ['two roots', world.post(`${world.envelope('Ping', LOGIN)}<a/>`, ACTION), anyBad],
    ['undeclared prefix', inEnvelope('<x:a/>'), anyBad],
    ['attribute twice', inEnvelope('<a b="" b=""/>'), anyBad],
    ['NUL', world.post(nul, ACTION), anyBad],
    ['NUL as a reference', inEnvelope('<loginUserName>a&#0;b</loginUserName>'), anyBad],
    ['control character', inEnvelope('<loginUserName>a\u0001b</loginUserName>'), anyBad],
    ['half a character', inEnvelope('<loginUserName>a&#xD800;b</loginUserName>'), anyBad],
    [
      'bytes that are no UTF-8',
      world.post(Buffer.from(inEnvelope('<loginUserName>\xff\xfe\xc0</loginUserName>').body, 'latin1'), ACTION),
      bad('The body is not valid utf-8.'),
    ],
    [
      'bytes that are no ASCII',
      world.post(inEnvelope('<loginUserName>é</loginUserName>').body, {
        ...ACTION,
        'content-type': 'text/xml; charset=us-ascii',
      }),
      bad('The body is not valid us-ascii.'),
    ],
    ['empty', world.post('', ACTION), anyBad],
    ['not XML', world.post('loginUserName=a', ACTION), anyBad],
    [
      'an element that is called __proto__',
      inEnvelope(`<__proto__><a/></__proto__><constructor/>${LOGIN}`),
      world.ok('Ping'),
    ],
    [
      'a method that is called __proto__',
      world.post(world.envelope('__proto__', LOGIN), ACTION),
      { status: 500, body: /<faultcode>soap:Client<\/faultcode>/ },
    ],
    [
      'a form method that is called __proto__',
      world.form('__proto__', 'a=b'),
      world.line(500, '__proto__ Web Service method name is not valid.'),
    ],
    [
      'an action of 8,000 characters',
      world.post(world.envelope('Ping', LOGIN), { soapaction: `"${'x'.repeat(8000)}"` }),
      { status: 500, body: /^.{0,1200}$/s },
    ],
    [
      'a script in a fault',
      world.post(world.envelope('Ping', LOGIN), { soapaction: '"<script>alert(1)</script>"' }),
      { status: 500, body: new RegExp(literally(escape('<script>alert(1)</script>'))) },
    ],
  ];
}
