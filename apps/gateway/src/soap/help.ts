import { createHash } from 'node:crypto';
import type { FieldType } from '@strowger/contracts-hierarchy';
import { PROVISION_TYPES } from '@strowger/contracts-hierarchy';
import type { SoapVersion } from './faults.js';
import { OPERATION_BY_NAME, SORTED_OPERATIONS, type Operation, type Parameter } from './registry.js';
import { resultFields, typeFields, type Fields } from './replies.js';
import { actionOf, type SoapSettings } from './settings.js';
import { escapeAttribute as escape, SOAP11, SOAP12, XSD, XSI } from './xml.js';

const STYLE = `body{color:#000;background:#fff;font-family:Verdana,Arial,sans-serif;font-size:.8em;margin:0}
#content{margin:0 0 0 30px;padding-bottom:2em}
.heading1{color:#fff;background:#036;font:normal 26px Tahoma,Verdana,sans-serif;margin:0 0 10px -30px;padding:10px 0 3px 15px}
h2{font-size:1.5em;margin:25px 0 0;border-top:1px solid #036;padding-top:8px}h3{font-size:1.1em;color:#000;margin:15px 0 0}
a{color:#369}a:hover{color:#c30}li{margin-bottom:10px;line-height:1.4}p{line-height:1.4;max-width:60em}
pre{background:#e5e5cc;padding:8px;font:1.1em/1.35 Consolas,'Courier New',monospace;overflow:auto;margin:12px 30px 12px 0}
.value{color:#00f}td,th{padding:3px 12px 3px 0;text-align:left;font-weight:400}th{background:#dcdcdc;padding-left:4px}
.button{font:inherit;background:#cc9;border:1px outset #cc9;padding:2px 10px}`;

/** Nothing runs and nothing frames it; its one style sheet is allowed by its hash, its form goes to this service only. */
export const HELP_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

function page(title: string, content: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>${escape(title)}</title><style>${STYLE}</style></head>
<body><div id="content">
<p class="heading1">ProvisionV3</p>
${content}</div></body>
</html>
`;
}

/** The list of methods. */
export function indexPage(url: URL): string {
  const path = escape(url.pathname);
  const items = SORTED_OPERATIONS.map(
    ({ name, doc }) => `<li><a href="${path}?op=${name}">${name}</a><br>${escape(doc)}</li>\n`,
  );
  return page(
    'ProvisionV3 Web Service',
    `<p>The following operations are supported. For a formal definition, please review the <a href="${path}?WSDL">Service Description</a>.</p>
<ul>
${items.join('')}</ul>
`,
  );
}

/** One method with its test form and samples; an unknown one says so, as a page like any other. */
export function operationPage(name: string, url: URL, settings: SoapSettings): string {
  const list = `<p>Click <a href="${escape(url.pathname)}">here</a> for a complete list of operations.</p>\n`;
  const operation = OPERATION_BY_NAME.get(name);
  if (!operation)
    return page(
      'Method Not Found',
      `${list}<h2>Method Not Found</h2>\n<p>Method '${escape(name.slice(0, 200))}' was not found in service ProvisionV3.</p>\n`,
    );
  const [namespace = ''] = settings.namespaces;
  const samples = [
    section('SOAP 1.1', soapRequest('1.1', operation, url, namespace), soapReply('1.1', operation, settings)),
    section('SOAP 1.2', soapRequest('1.2', operation, url, namespace), soapReply('1.2', operation, settings)),
    ...(settings.form ? [section('HTTP POST', formRequest(operation, url), formReply(operation, settings))] : []),
  ];
  return page(
    'ProvisionV3 Web Service',
    `${list}<h2>${operation.name}</h2>
<p>${escape(operation.doc)}</p>
<h3>Test</h3>
${settings.form ? testForm(operation, url) : '<p>The test form is not available, because the HTTP POST protocol is switched off.</p>\n'}${samples.join('')}`,
  );
}

function testForm({ name, params }: Operation, url: URL): string {
  const rows = params.map(
    (p) =>
      `<tr><td>${p.name}:</td><td><input ${inputType(p)} size="50" name="${p.name}" aria-label="${p.name}"></td></tr>\n`,
  );
  return `<p>To test the operation using the HTTP POST protocol, click the 'Invoke' button.</p>
<form method="POST" target="_blank" action="${escape(url.pathname)}/${name}">
<table>
<tr><th>Parameter</th><th>Value</th></tr>
${rows.join('')}<tr><td></td><td><input type="submit" value="Invoke" class="button"></td></tr>
</table>
</form>
`;
}

const inputType = ({ form }: Parameter): string =>
  form === 'secret' ? 'type="password" autocomplete="off"' : 'type="text"';

/** Stand in for placeholders until the sample is escaped; no text of ours holds them. */
const [OPEN, CLOSE] = ['\u0001', '\u0002'];
const placeholder = (type: string): string => OPEN + type + CLOSE;
const shown = (sample: string): string =>
  `<pre>${escapeLines(sample).replaceAll(OPEN, '<font class="value">').replaceAll(CLOSE, '</font>')}</pre>\n`;
const escapeLines = (text: string): string =>
  text.replaceAll(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

const section = (title: string, request: string, reply: string): string =>
  `<h3>${title}</h3>
<p>The following is a sample ${title} request and response. The placeholders shown need to be replaced with actual values.</p>
${shown(request)}${shown(reply)}`;

const LENGTH = `Content-Length: ${placeholder('length')}`;
const MEDIA: Record<SoapVersion, string> = { '1.1': 'text/xml', '1.2': 'application/soap+xml' };

function soapRequest(version: SoapVersion, operation: Operation, url: URL, namespace: string): string {
  const fields = operation.params.map(({ name, type }) => `      <${name}>${placeholder(type)}</${name}>\n`).join('');
  return [
    `POST ${url.pathname} HTTP/1.1`,
    `Host: ${url.host}`,
    `Content-Type: ${MEDIA[version]}; charset=utf-8`,
    LENGTH,
    ...(version === '1.1' ? [`SOAPAction: "${actionOf(namespace, operation.name)}"`] : []),
    '',
    envelope(version, `    <${operation.name} xmlns="${namespace}">\n${fields}    </${operation.name}>\n`),
  ].join('\n');
}

function soapReply(version: SoapVersion, { name, result }: Operation, settings: SoapSettings): string {
  const fields = resultSample(resultFields(result), settings, ' '.repeat(8));
  const body = `    <${name}Response xmlns="${settings.namespaces[0]}">\n      <${name}Result>\n${fields}      </${name}Result>\n    </${name}Response>\n`;
  return `HTTP/1.1 200 OK\nContent-Type: ${MEDIA[version]}; charset=utf-8\n${LENGTH}\n\n${envelope(version, body)}`;
}

function envelope(version: SoapVersion, body: string): string {
  const [prefix, ns] = version === '1.1' ? ['soap', SOAP11] : ['soap12', SOAP12];
  return `<?xml version="1.0" encoding="utf-8"?>
<${prefix}:Envelope xmlns:xsi="${XSI}" xmlns:xsd="${XSD}" xmlns:${prefix}="${ns}">
  <${prefix}:Body>
${body}  </${prefix}:Body>
</${prefix}:Envelope>`;
}

const formRequest = ({ name, params }: Operation, url: URL): string =>
  [
    `POST ${url.pathname}/${name} HTTP/1.1`,
    `Host: ${url.host}`,
    'Content-Type: application/x-www-form-urlencoded',
    LENGTH,
    '',
    params.map((p) => `${p.name}=${placeholder('string')}`).join('&'),
  ].join('\n');

const formReply = ({ result }: Operation, settings: SoapSettings): string =>
  `HTTP/1.1 200 OK\nContent-Type: text/xml; charset=utf-8\n${LENGTH}\n\n<?xml version="1.0" encoding="utf-8"?>
<${result} xmlns:xsd="${XSD}" xmlns:xsi="${XSI}" xmlns="${settings.namespaces[0]}">
${resultSample(resultFields(result), settings, '  ')}</${result}>`;

function resultSample(fields: Fields, { extendedResult }: SoapSettings, pad: string): string {
  const leaf = (name: string, type: string): string => `${pad}<${name}>${placeholder(type)}</${name}>\n`;
  const base = leaf('success', 'boolean') + leaf('errorMessage', 'string');
  return base + (extendedResult ? leaf('errorCode', 'string') : '') + fieldSamples(fields, pad);
}

const fieldSamples = (fields: Fields, pad: string): string =>
  Object.entries(fields)
    .map(([name, type]) => fieldSample(name, type, pad))
    .join('');

/** Arrays show two items. */
function fieldSample(name: string, type: FieldType, pad: string): string {
  if (type.endsWith('[]')) {
    const item = type.slice(0, -2) as FieldType;
    const one = fieldSample(item, item, `${pad}  `);
    return `${pad}<${name}>\n${one}${one}${pad}</${name}>\n`;
  }
  if (type in PROVISION_TYPES)
    return `${pad}<${name}>\n${fieldSamples(typeFields(type), `${pad}  `)}${pad}</${name}>\n`;
  return `${pad}<${name}>${placeholder(type.replace('?', ''))}</${name}>\n`;
}
