import { escapeText, SOAP11, SOAP12, XML_DECLARATION, XSD, XSI } from './xml.js';

export type SoapVersion = '1.1' | '1.2';
export type FaultCode = 'Client' | 'Server' | 'MustUnderstand' | 'VersionMismatch';

export const ENVELOPE_NAMESPACE: Record<SoapVersion, string> = { '1.1': SOAP11, '1.2': SOAP12 };
export const CONTENT_TYPE: Record<SoapVersion, string> = {
  '1.1': 'text/xml; charset=utf-8',
  '1.2': 'application/soap+xml; charset=utf-8',
};

const envelope = (version: SoapVersion): string =>
  `${XML_DECLARATION}<soap:Envelope xmlns:soap="${ENVELOPE_NAMESPACE[version]}" xmlns:xsi="${XSI}" xmlns:xsd="${XSD}">`;
export const ENVELOPE_START: Record<SoapVersion, string> = {
  '1.1': `${envelope('1.1')}<soap:Body>`,
  '1.2': `${envelope('1.2')}<soap:Body>`,
};
export const ENVELOPE_END = '</soap:Body></soap:Envelope>';

/** SOAP 1.2 has other words for whose mistake it was. */
const CODE_12: Record<FaultCode, string> = {
  Client: 'soap:Sender',
  Server: 'soap:Receiver',
  MustUnderstand: 'soap:MustUnderstand',
  VersionMismatch: 'soap:VersionMismatch',
};
/** Lists the versions for a client that uses neither (SOAP 1.2 part 1 §5.4.7). */
const UPGRADE = `<soap:Header><soap12:Upgrade xmlns:soap12="${SOAP12}"><soap12:SupportedEnvelope qname="soap12:Envelope" /><soap12:SupportedEnvelope qname="soap:Envelope" /></soap12:Upgrade></soap:Header>`;

/** A request that can't become a call. Thrown while reading, routing and binding; the plugin answers with it. */
export class SoapFault extends Error {
  constructor(
    readonly code: FaultCode,
    /** Shown to the caller; nothing secret. */
    message: string,
    /** 500 unless the XML itself is bad. */
    readonly status = 500,
  ) {
    super(message);
  }
}

/** Media type or charset we don't read: answered with the bare status, as ASP.NET does. */
export class UnsupportedMedia extends Error {}

/** A whole reply with a fault. Header faults have no detail; body faults an empty one. */
export function faultEnvelope(version: SoapVersion, { code, message }: Pick<SoapFault, 'code' | 'message'>): string {
  const text = escapeText(message);
  const detail = code !== 'MustUnderstand';
  if (version === '1.2')
    return `${ENVELOPE_START['1.2']}<soap:Fault><soap:Code><soap:Value>${CODE_12[code]}</soap:Value></soap:Code><soap:Reason><soap:Text xml:lang="en">${text}</soap:Text></soap:Reason>${detail ? '<soap:Detail />' : ''}</soap:Fault>${ENVELOPE_END}`;
  const header = code === 'VersionMismatch' ? UPGRADE : '';
  return `${envelope('1.1')}${header}<soap:Body><soap:Fault><faultcode>soap:${code}</faultcode><faultstring>${text}</faultstring>${detail ? '<detail />' : ''}</soap:Fault>${ENVELOPE_END}`;
}

const READ = 'Server was unable to read request.';
/** The text of a request that is XML, or should be, but not one we can read. */
export const readingError = (reason: string, at?: { line: number; column: number }): string =>
  at
    ? `${READ} ---> There is an error in XML document (${at.line}, ${at.column}). ---> ${reason}`
    : `${READ} ---> ${reason}`;
/** The text of a call that failed on our side: a reference, nothing else. */
export const serverError = (reference: string, reason?: string): string =>
  `Server was unable to process request. ---> ${reason ? `${reason} ` : ''}Reference: ${reference}`;
