import { PROVISION_OPERATIONS, type OperationName } from '@strowger/contracts-hierarchy';

const NAMESPACE = 'http://strowger.dev/provision/';
const ENVELOPES = {
  SOAP11: 'http://schemas.xmlsoap.org/soap/envelope/',
  SOAP12: 'http://www.w3.org/2003/05/soap-envelope',
} as const;

export type Fields = Record<string, string | number | boolean>;
export type Binding = keyof typeof ENVELOPES | 'FORM';

/** What the back office's own system would make of a reply. */
export class SoapReply {
  readonly success: boolean;
  readonly errorCode?: string;
  readonly errorMessage?: string;

  constructor(
    readonly status: number,
    readonly contentType: string,
    readonly text: string,
  ) {
    this.success = this.one('success') === 'true';
    this.errorCode = this.one('errorCode');
    this.errorMessage = this.one('errorMessage');
  }

  one(name: string): string | undefined {
    return this.all(name)[0];
  }

  all(name: string): string[] {
    return [...this.text.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, value]) => unescape(value!));
  }

  /** The elements of a type, each with its fields. */
  rows(type: string): Record<string, string>[] {
    return [...this.text.matchAll(new RegExp(`<${type}>(.*?)</${type}>`, 'gs'))].map(([, inner]) =>
      Object.fromEntries(
        [...inner!.matchAll(/<(\w+)>([^<]*)<\//g)].map(([, name, value]) => [name!, unescape(value!)]),
      ),
    );
  }
}

/** A reseller's back office: nothing but HTTP, as its own system would send it. */
export class BackOffice {
  constructor(
    private readonly soapUrl: string,
    readonly login: { loginUserName: string; loginPassword: string },
    readonly serverHostName: string,
  ) {}

  /** The same with another password or another provider. */
  but(changed: { loginPassword?: string; serverHostName?: string }): BackOffice {
    const { serverHostName = this.serverHostName, ...login } = changed;
    return new BackOffice(this.soapUrl, { ...this.login, ...login }, serverHostName);
  }

  async call(operation: OperationName, given: Fields = {}, binding: Binding = 'SOAP11'): Promise<SoapReply> {
    const { url, headers, body } = this.request(operation, given, binding);
    const response = await fetch(url, { method: 'POST', headers, body });
    return new SoapReply(response.status, response.headers.get('content-type') ?? '', await response.text());
  }

  /** @throws with the reply where it is not a success */
  async must(operation: OperationName, given: Fields = {}, binding: Binding = 'SOAP11'): Promise<SoapReply> {
    const reply = await this.call(operation, given, binding);
    if (reply.status !== 200 || !reply.success) throw new Error(`${operation}: ${reply.status} ${reply.text}`);
    return reply;
  }

  private request(operation: OperationName, given: Fields, binding: Binding) {
    const fields: Fields = { serverHostName: this.serverHostName, ...given, ...this.login };
    const names = ['loginUserName', 'loginPassword', ...PROVISION_OPERATIONS[operation].params].map((name) =>
      name.replace('?', ''),
    );
    if (binding === 'FORM')
      return {
        url: `${this.soapUrl}/${operation}`,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        // Every parameter is a field, empty or not.
        body: String(new URLSearchParams(Object.fromEntries(names.map((name) => [name, String(fields[name] ?? '')])))),
      };
    const elements = names
      .filter((name) => fields[name] !== undefined)
      .map((name) => `<${name}>${escape(String(fields[name]))}</${name}>`);
    const action = NAMESPACE + operation;
    return {
      url: this.soapUrl,
      headers: (binding === 'SOAP11'
        ? { 'content-type': 'text/xml; charset=utf-8', soapaction: `"${action}"` }
        : { 'content-type': `application/soap+xml; charset=utf-8; action="${action}"` }) as Record<string, string>,
      body:
        `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="${ENVELOPES[binding]}"><soap:Body>` +
        `<${operation} xmlns="${NAMESPACE}">${elements.join('')}</${operation}></soap:Body></soap:Envelope>`,
    };
  }
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const unescape = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&#xD;', '\r').replaceAll('&amp;', '&');
