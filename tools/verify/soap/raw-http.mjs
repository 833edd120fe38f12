/** Bytes out, bytes in. */
import http from 'node:http';
import https from 'node:https';

/**
 * @returns `(request) => { status, headers, body } | { error }`. A request is `{ method, path, headers, body }`, the path
 *   being what follows the service's; with `stalls` its last byte is never sent.
 */
export function sender(serviceUrl) {
  const { protocol, hostname, port, pathname } = new URL(serviceUrl);
  const { request } = protocol === 'https:' ? https : http;
  return ({ method = 'POST', path = '', service = pathname, headers = {}, body = '', stalls = false }) =>
    new Promise((resolve) => {
      const length = method === 'GET' || method === 'HEAD' ? {} : { 'content-length': Buffer.byteLength(body) };
      const outgoing = request({
        hostname,
        port,
        method,
        path: service + path,
        headers: { ...length, ...headers },
        agent: false,
      });
      outgoing.setTimeout(30_000, () => outgoing.destroy(new Error('no answer within 30 s')));
      outgoing.on('error', (error) => resolve({ error: error.message }));
      outgoing.on('response', (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', (error) => resolve({ error: error.message }));
        response.on('end', () => {
          outgoing.destroy();
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString() });
        });
      });
      if (stalls) outgoing.write(body.slice(0, -1));
      else outgoing.end(body);
    });
}

export const SOAP11 = 'http://schemas.xmlsoap.org/soap/envelope/';
export const SOAP12 = 'http://www.w3.org/2003/05/soap-envelope';
export const TEXT = 'text/plain; charset=utf-8';
export const XML = 'text/xml; charset=utf-8';
const XSI = 'http://www.w3.org/2001/XMLSchema-instance';
const XSD = 'http://www.w3.org/2001/XMLSchema';

/** Namespace and method have one slash between them. */
export const actionsOf = (namespace) => `${namespace}${namespace.endsWith('/') ? '' : '/'}`;
export const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
/** A pattern for exactly this text. */
export const literally = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
export const elements = (fields) =>
  Object.entries(fields)
    .map(([name, value]) => `<${name}>${escape(String(value))}</${name}>`)
    .join('');

/** Requests and replies in the namespace of the WSDL. */
export class Wire {
  constructor(namespace) {
    this.namespace = namespace;
    /** SOAPActions without the method. */
    this.actions = actionsOf(namespace);
  }

  // Requests

  envelope(operation, inner, { soap = SOAP11, namespace = this.namespace, header = '' } = {}) {
    return `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="${soap}" xmlns:xsi="${XSI}">${header}<s:Body><${operation} xmlns="${namespace}">${inner}</${operation}></s:Body></s:Envelope>`;
  }
  /** SOAP 1.1; a header that is undefined is not sent. */
  soap11(operation, inner, { headers, ...options } = {}) {
    return this.post(this.envelope(operation, inner, options), {
      soapaction: `"${this.actions}${operation}"`,
      ...headers,
    });
  }
  soap12(operation, inner, { headers, ...options } = {}) {
    const type = `application/soap+xml; charset=utf-8; action="${this.actions}${operation}"`;
    return this.post(this.envelope(operation, inner, { soap: SOAP12, ...options }), {
      'content-type': type,
      ...headers,
    });
  }
  post(body, headers = {}) {
    const sent = { 'content-type': XML, ...headers };
    return { body, headers: Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined)) };
  }
  form(operation, fields, headers = {}) {
    return {
      path: `/${operation}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: typeof fields === 'string' ? fields : new URLSearchParams(fields).toString(),
    };
  }

  // Replies

  #reply(version, body, status) {
    const soap = version === '1.2' ? SOAP12 : SOAP11;
    const type = version === '1.2' ? 'application/soap+xml; charset=utf-8' : XML;
    const start = `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="${soap}" xmlns:xsi="${XSI}" xmlns:xsd="${XSD}">`;
    return { status, type, body: `${start}${body}</soap:Envelope>` };
  }
  result(operation, inner, version = '1.1') {
    const body = `<${operation}Response xmlns="${this.namespace}"><${operation}Result>${inner}</${operation}Result></${operation}Response>`;
    return this.#reply(version, `<soap:Body>${body}</soap:Body>`, 200);
  }
  ok(operation, version) {
    return this.result(operation, '<success>true</success>', version);
  }
  refused(operation, code, message, version) {
    const fields = `<success>false</success><errorMessage>${escape(message)}</errorMessage><errorCode>${code}</errorCode>`;
    return this.result(operation, fields, version);
  }
  /** code without prefix; `detail` false for faults about headers. */
  fault(version, code, text, { status = 500, detail = true } = {}) {
    const inner =
      version === '1.2'
        ? `<soap:Code><soap:Value>soap:${code}</soap:Value></soap:Code><soap:Reason><soap:Text xml:lang="en">${escape(text)}</soap:Text></soap:Reason>${detail ? '<soap:Detail />' : ''}`
        : `<faultcode>soap:${code}</faultcode><faultstring>${escape(text)}</faultstring>${detail ? '<detail />' : ''}`;
    return this.#reply(version, `<soap:Body><soap:Fault>${inner}</soap:Fault></soap:Body>`, status);
  }
  /** A fault whose text matches a pattern, escaped as in XML, from its first to its last character. */
  faultLike(version, code, text, options) {
    const { body, ...rest } = this.fault(version, code, '\u0000', options);
    const [before, after] = body.split('\u0000').map(literally);
    return { ...rest, body: new RegExp(`^${before}${text}${after}$`) };
  }
  line(status, text) {
    return { status, type: TEXT, body: `${text}\r\n` };
  }
}
