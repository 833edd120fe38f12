import { booleanOf, intOf, ParameterInvalid, Unconvertible, type Values } from './bind.js';
import { decode, mediaTypeOf, type MediaType } from './charset.js';
import { readingError, SoapFault, type SoapVersion, UnsupportedMedia } from './faults.js';
import { attributeOf, readXml, type XmlNode } from './reader.js';
import { OPERATION_BY_NAME, type Operation } from './registry.js';
import type { SoapSettings } from './settings.js';
import { SOAP11, SOAP12, XSI } from './xml.js';

/** What of a SOAP request's head decides how it is read. */
export interface SoapHead {
  media: MediaType;
  /** The header as sent; absent and empty mean different things. */
  soapAction: string | undefined;
  /** By head alone; the envelope may say otherwise. */
  version: SoapVersion;
}

/** A request ready to be bound. */
export interface SoapCall {
  version: SoapVersion;
  operation: Operation;
  /** Of the request; the reply uses the same. */
  namespace: string;
  values: Values;
}

/** How far reading came: what a reply to a failure needs to know. */
export interface Progress {
  version: SoapVersion;
  operation?: Operation;
  namespace?: string;
}

/** Both versions are on: without a SOAPAction header it is 1.2 until the envelope says otherwise. */
export function headOf(contentType: string | undefined, soapAction: string | undefined): SoapHead {
  const media = mediaTypeOf(contentType);
  const is12 = soapAction === undefined || media.type === 'application/soap+xml';
  return { media, soapAction, version: is12 ? '1.2' : '1.1' };
}

const MEDIA = new Set(['text/xml', 'application/soap+xml', 'application/xml']);

/**
 * Reads, routes and takes apart a SOAP request. `progress` is kept up to date, so that a failure is answered in the
 * version of the request and, once known, as the result of its operation.
 * @throws SoapFault, UnsupportedMedia, ParameterInvalid (a parameter given twice)
 */
export function readSoap(head: SoapHead, body: Buffer, settings: SoapSettings, progress: Progress): SoapCall {
  if (!MEDIA.has(head.media.type)) throw new UnsupportedMedia(head.media.type);
  const envelope = readXml(decode(body, head.media.charset));
  const version = (progress.version = versionOf(envelope));
  // application/xml counts as text/xml.
  if (version === '1.1' && head.media.type === 'application/soap+xml') throw new UnsupportedMedia(head.media.type);
  const parts = envelope.children.filter((child) => child.ns === envelope.ns);
  const bodyNode = parts.find((child) => child.local === 'Body');
  if (!bodyNode) throw new SoapFault('Client', readingError('There is no Body element in the envelope.', envelope));
  const wrapper = bodyNode.children[0];
  const { operation, namespace } = route(head, wrapper, settings);
  progress.operation = operation;
  progress.namespace = namespace;
  const header = parts.find((child) => child.local === 'Header');
  if (header) refuseMandatoryHeaders(header, envelope.ns);
  return { version, operation, namespace, values: valuesOf(operation, wrapper!) };
}

function versionOf(envelope: XmlNode): SoapVersion {
  if (envelope.local !== 'Envelope')
    throw new SoapFault('Client', readingError('The root element is not a SOAP envelope.', envelope));
  if (envelope.ns === SOAP11) return '1.1';
  if (envelope.ns === SOAP12) return '1.2';
  // Answered in 1.1, the version everybody reads.
  throw new SoapFault(
    'VersionMismatch',
    `Possible SOAP version mismatch: Envelope namespace ${envelope.ns.slice(0, 200)} was unexpected. Expecting ${SOAP11}.`,
  );
}

type Routed = Pick<SoapCall, 'operation' | 'namespace'>;

function route(head: SoapHead, wrapper: XmlNode | undefined, settings: SoapSettings): Routed {
  const byElement = (): Routed | undefined => {
    if (!wrapper || !settings.namespaces.includes(wrapper.ns)) return undefined;
    const operation = OPERATION_BY_NAME.get(wrapper.local);
    return operation && { operation, namespace: wrapper.ns };
  };
  let named: Routed | undefined;
  if (head.version === '1.1') {
    const action = unquoted(head.soapAction ?? '');
    if (action !== '') {
      named = settings.actions.get(action);
      if (!named)
        throw new SoapFault(
          'Client',
          `Server did not recognize the value of HTTP Header SOAPAction: ${action.slice(0, 300)}.`,
        );
    }
  } else if (head.media.action) named = settings.actions.get(decodedUri(head.media.action));
  const found = byElement();
  if (named) {
    if (named.operation === found?.operation && named.namespace === found.namespace) return named;
    const sent = wrapper ? `${wrapper.local.slice(0, 100)} in the namespace '${wrapper.ns.slice(0, 200)}'` : 'nothing';
    throw new SoapFault(
      'Client',
      readingError(
        `The action asks for ${named.operation.name} of the namespace '${named.namespace}', but the Body holds ${sent}.`,
        wrapper,
      ),
    );
  }
  if (found) return found;
  throw new SoapFault(
    'Client',
    head.version === '1.2'
      ? 'Unable to handle request without a valid action parameter. Please supply a valid soap action.'
      : `Server did not recognize the request. Send the SOAPAction of a method, or its element in the namespace '${settings.namespaces[0]}'.`,
  );
}

function unquoted(header: string): string {
  const value = header.trim();
  return decodedUri(value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value);
}

function decodedUri(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** Actors and roles that are us; a header for another is none of our business. */
const SELF = new Set([
  '',
  'http://schemas.xmlsoap.org/soap/actor/next',
  `${SOAP12}/role/next`,
  `${SOAP12}/role/ultimateReceiver`,
]);

/** No header means anything to us, so one that must be understood and is meant for us stops the call before it begins. */
function refuseMandatoryHeaders(header: XmlNode, ns: string): void {
  for (const block of header.children) {
    const must = attributeOf(block, ns, 'mustUnderstand')?.trim();
    if (must !== '1' && must !== 'true') continue;
    const role = attributeOf(block, ns, ns === SOAP11 ? 'actor' : 'role') ?? '';
    if (SELF.has(role))
      throw new SoapFault('MustUnderstand', `SOAP header ${block.local.slice(0, 100)} was not understood.`);
  }
}

/** Values by parameter. Children in the wrapper's namespace or none at all count, others are ignored. */
function valuesOf(operation: Operation, wrapper: XmlNode): Values {
  const values: Values = new Array<undefined>(operation.params.length).fill(undefined);
  let spellings: Map<number, string> | undefined;
  for (const child of wrapper.children) {
    if (child.ns !== wrapper.ns && child.ns !== '') continue;
    const at = operation.positions.get(child.local);
    if (at === undefined) continue;
    const { name, type, aliases } = operation.params[at]!;
    const value = valueOf(child, type);
    const before = (spellings ??= new Map()).get(at);
    // The same under its two spellings is one value; twice under one is somebody smuggling.
    if (before !== undefined && (before === child.local || !aliases || values[at] !== value))
      throw new ParameterInvalid(name, 'was given more than once');
    spellings.set(at, child.local);
    values[at] = value;
  }
  return values;
}

function valueOf(node: XmlNode, type: 'string' | 'int' | 'boolean'): string | number | boolean | undefined {
  if (node.children.length > 0)
    throw new SoapFault(
      'Client',
      readingError(`Unexpected element in ${node.local}: it can only hold text.`, node.children[0]),
      400,
    );
  const nil = node.attributes && attributeOf(node, XSI, 'nil')?.trim();
  const isNil = nil === 'true' || nil === '1';
  if (type === 'string') return isNil ? undefined : node.text;
  try {
    return type === 'int' ? intOf(isNil ? '' : node.text) : booleanOf(isNil ? '' : node.text, false);
  } catch (error) {
    if (!(error instanceof Unconvertible)) throw error;
    throw new SoapFault('Client', readingError(error.message, node));
  }
}
