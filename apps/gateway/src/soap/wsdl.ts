import { PROVISION_RESULTS, PROVISION_TYPES, type FieldType } from '@strowger/contracts-hierarchy';
import { OPERATIONS, type Operation, type Parameter } from './registry.js';
import { resultFields, typeFields, type Fields } from './replies.js';
import { actionOf } from './settings.js';
import { escapeAttribute, escapeText, XML_DECLARATION, XSD } from './xml.js';

const SERVICE = 'ProvisionV3';
/** Names of the ports, which are those of bindings and portTypes too; 1.1 and 1.2 share a portType. */
const SOAP = `${SERVICE}Soap`;
const SOAP12 = `${SERVICE}Soap12`;
const POST = `${SERVICE}HttpPost`;
const HTTP_TRANSPORT = 'http://schemas.xmlsoap.org/soap/http';

const ROOT = `<wsdl:definitions xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:http="http://schemas.xmlsoap.org/wsdl/http/" xmlns:mime="http://schemas.xmlsoap.org/wsdl/mime/" xmlns:s="${XSD}"`;

export interface WsdlOptions {
  namespace: string;
  /** Address of the service, given out for all three ports. */
  url: string;
  extendedResult: boolean;
  form: boolean;
}

/** WSDL 1.1 as ASP.NET writes it: document/literal wrapped, everything qualified, strings optional. */
export function wsdlOf({ namespace, url, extendedResult, form }: WsdlOptions, operations = OPERATIONS): string {
  const ns = escapeAttribute(namespace);
  const each = (write: (operation: Operation) => string): string => operations.map(write).join('');
  const messages = each(soapMessages) + (form ? each(postMessages) : '');
  const portTypes =
    `<wsdl:portType name="${SOAP}">\n${each((o) => portOperation(o, 'Soap', o.doc))}</wsdl:portType>\n` +
    (form ? `<wsdl:portType name="${POST}">\n${each((o) => portOperation(o, 'HttpPost', ''))}</wsdl:portType>\n` : '');
  const bindings =
    soapBinding(
      SOAP,
      'soap',
      each((o) => soapOperation(o, 'soap', namespace)),
    ) +
    soapBinding(
      SOAP12,
      'soap12',
      each((o) => soapOperation(o, 'soap12', namespace)),
    ) +
    (form
      ? `<wsdl:binding name="${POST}" type="tns:${POST}">\n<http:binding verb="POST" />\n${each(postOperation)}</wsdl:binding>\n`
      : '');
  const address = escapeAttribute(url);
  const port = (name: string, prefix: string): string =>
    `<wsdl:port name="${name}" binding="tns:${name}"><${prefix}:address location="${address}" /></wsdl:port>\n`;
  const ports = port(SOAP, 'soap') + port(SOAP12, 'soap12') + (form ? port(POST, 'http') : '');
  return `${XML_DECLARATION}
${ROOT} xmlns:tns="${ns}" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" targetNamespace="${ns}">
<wsdl:types>
<s:schema elementFormDefault="qualified" targetNamespace="${ns}">
${each(wrappers)}${complexTypes(operations, extendedResult)}</s:schema>
</wsdl:types>
${messages}${portTypes}${bindings}<wsdl:service name="${SERVICE}">
${ports}</wsdl:service>
</wsdl:definitions>
`;
}

const wrappers = ({ name, params, result }: Operation): string =>
  wrapper(name, params.map(parameter).join('')) + wrapper(`${name}Response`, element(`${name}Result`, `tns:${result}`));

const wrapper = (name: string, content: string): string =>
  `<s:element name="${name}">\n<s:complexType>${content ? `\n<s:sequence>\n${content}</s:sequence>\n` : ''}</s:complexType>\n</s:element>\n`;

/** Strings may always be left out, because a .NET string may be null; that one is mandatory is for the server to say. */
const parameter = ({ name, type }: Parameter): string => element(name, `s:${type}`, type === 'string' ? 0 : 1);

const element = (name: string, type: string, least = 0, nillable = false): string =>
  `<s:element minOccurs="${least}" maxOccurs="1" name="${name}"${nillable ? ' nillable="true"' : ''} type="${type}" />\n`;

function field(name: string, type: FieldType): string {
  if (type === 'string') return element(name, 's:string');
  if (type === 'string[]') return element(name, 'tns:ArrayOfString');
  if (type.endsWith('[]')) return element(name, `tns:ArrayOf${type.slice(0, -2)}`);
  if (type in PROVISION_TYPES) return element(name, `tns:${type}`);
  return element(name, `s:${type.replace('?', '')}`, 1, type.endsWith('?'));
}

const fieldsOf = (fields: Fields): string =>
  `<s:sequence>\n${Object.entries(fields)
    .map(([name, type]) => field(name, type))
    .join('')}</s:sequence>\n`;
const complexType = (name: string, content: string): string =>
  `<s:complexType name="${name}">\n${content}</s:complexType>\n`;

/** The results the operations use, each followed by the types it uses; then an element for each, for the form binding. */
function complexTypes(operations: readonly Operation[], extendedResult: boolean): string {
  const used = new Set(operations.map(({ result }) => result));
  const results = (Object.keys(PROVISION_RESULTS) as (keyof typeof PROVISION_RESULTS)[]).filter((r) => used.has(r));
  const written = new Set<string>();
  const code = extendedResult ? element('errorCode', 's:string') : '';
  let types = complexType(
    'ProvisionResponse',
    `<s:sequence>\n${element('success', 's:boolean', 1)}${element('errorMessage', 's:string')}${code}</s:sequence>\n`,
  );
  for (const result of results.filter((name) => name !== 'ProvisionResponse')) {
    const fields = resultFields(result);
    types += complexType(
      result,
      `<s:complexContent mixed="false">\n<s:extension base="tns:ProvisionResponse">\n${fieldsOf(fields)}</s:extension>\n</s:complexContent>\n`,
    );
    for (const type of Object.values(fields)) types += referenced(type, written);
  }
  // The base is there even when no method answers it alone.
  const names = new Set(['ProvisionResponse', ...results]);
  for (const name of names) types += `<s:element name="${name}" nillable="true" type="tns:${name}" />\n`;
  return types;
}

/** Definitions of a field's own type and of what that refers to, unless they are written already. */
function referenced(type: FieldType, written: Set<string>): string {
  const item = type.replace('[]', '');
  const isArray = type.endsWith('[]');
  if (item !== 'string' && !(item in PROVISION_TYPES)) return '';
  let types = '';
  const once = (name: string, write: () => string): void => {
    if (!written.has(name)) types += (written.add(name), write());
  };
  if (isArray)
    once(`${type}`, () =>
      item === 'string'
        ? complexType('ArrayOfString', sequenceOf('string', 's:string'))
        : complexType(`ArrayOf${item}`, sequenceOf(item, `tns:${item}`)),
    );
  if (item in PROVISION_TYPES)
    once(item, () => {
      const fields = typeFields(item);
      return (
        complexType(item, fieldsOf(fields)) +
        Object.values(fields)
          .map((f) => referenced(f, written))
          .join('')
      );
    });
  return types;
}

const sequenceOf = (name: string, type: string): string =>
  `<s:sequence>\n<s:element minOccurs="0" maxOccurs="unbounded" name="${name}" nillable="true" type="${type}" />\n</s:sequence>\n`;

const message = (name: string, parts: string): string => `<wsdl:message name="${name}">${parts}</wsdl:message>\n`;
const part = (name: string, kind: 'element' | 'type', value: string): string =>
  `<wsdl:part name="${name}" ${kind}="${value}" />`;

const soapMessages = ({ name }: Operation): string =>
  message(`${name}SoapIn`, part('parameters', 'element', `tns:${name}`)) +
  message(`${name}SoapOut`, part('parameters', 'element', `tns:${name}Response`));
const postMessages = ({ name, params, result }: Operation): string =>
  message(`${name}HttpPostIn`, params.map((p) => part(p.name, 'type', 's:string')).join('')) +
  message(`${name}HttpPostOut`, part('Body', 'element', `tns:${result}`));

const portOperation = ({ name }: Operation, suffix: string, doc: string): string =>
  `<wsdl:operation name="${name}">\n${doc && `<wsdl:documentation>${escapeText(doc)}</wsdl:documentation>\n`}<wsdl:input message="tns:${name}${suffix}In" /><wsdl:output message="tns:${name}${suffix}Out" />\n</wsdl:operation>\n`;

const soapBinding = (name: string, prefix: string, operations: string): string =>
  `<wsdl:binding name="${name}" type="tns:${SOAP}">\n<${prefix}:binding transport="${HTTP_TRANSPORT}" />\n${operations}</wsdl:binding>\n`;
const soapOperation = ({ name }: Operation, prefix: string, namespace: string): string =>
  `<wsdl:operation name="${name}">\n<${prefix}:operation soapAction="${escapeAttribute(actionOf(namespace, name))}" style="document" />\n<wsdl:input><${prefix}:body use="literal" /></wsdl:input><wsdl:output><${prefix}:body use="literal" /></wsdl:output>\n</wsdl:operation>\n`;
const postOperation = ({ name }: Operation): string =>
  `<wsdl:operation name="${name}">\n<http:operation location="/${name}" />\n<wsdl:input><mime:content type="application/x-www-form-urlencoded" /></wsdl:input><wsdl:output><mime:mimeXml part="Body" /></wsdl:output>\n</wsdl:operation>\n`;

/** Discovery document: where the WSDL and the help page are. */
export function discoOf(url: string, namespace: string): string {
  const address = escapeAttribute(url);
  const binding = (name: string): string =>
    `<soap address="${address}" xmlns:q1="${escapeAttribute(namespace)}" binding="q1:${name}" xmlns="http://schemas.xmlsoap.org/disco/soap/" />\n`;
  return `${XML_DECLARATION}
<discovery xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="${XSD}" xmlns="http://schemas.xmlsoap.org/disco/">
<contractRef ref="${address}?wsdl" docRef="${address}" xmlns="http://schemas.xmlsoap.org/disco/scl/" />
${binding(SOAP)}${binding(SOAP12)}</discovery>
`;
}
