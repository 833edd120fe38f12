import { request, type IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import { loadConfig, ServiceConfig } from '@strowger/config';
import { hierarchyRpc, type Provision, type ProvisionReply } from '@strowger/contracts-hierarchy';
import { startService } from '@strowger/http';
import type { RpcRequest } from '@strowger/kernel';
import { Answers } from '@strowger/rpc';
import { testNats } from '@strowger/testing';
import { GatewayConfig } from '../config.js';
import { SECRET } from '../gateway.fixtures.js';
import { startGateway } from '../gateway.js';
import { SOAP11, SOAP12 } from './xml.js';

export const PATH = '/KakapoProvision/ProvisionV3.asmx';
export const NS = 'http://strowger.dev/provision/';

/** What stands behind the door in specs about the wire: remembers what reached it, answers what the spec wants. */
@Injectable()
export class Provisioned {
  static calls: Provision[] = [];
  static answer: () => ProvisionReply | Promise<ProvisionReply> = () => ({});
  /** The caller's provider and those below it. */
  static providerIds: string[] = [];

  @Answers(hierarchyRpc.provision)
  async provision({ body }: RpcRequest<Provision>): Promise<ProvisionReply> {
    Provisioned.calls.push(body);
    return Provisioned.answer();
  }

  @Answers(hierarchyRpc.listProviderIds)
  listProviderIds(): Promise<{ ids: string[] }> {
    return Promise.resolve({ ids: Provisioned.providerIds });
  }
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}
export interface Sent {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

export async function startSoapWorld(env: Record<string, string> = {}) {
  const nats = await testNats();
  const base = { STROWGER_MODE: 'test', NATS_URL: nats.url, OPS_PORT: '0', OPS_HOST: '127.0.0.1', LOG_LEVEL: 'fatal' };
  class BehindConfig extends ServiceConfig {}
  const behind = await startService({
    name: 'hierarchy',
    module: { module: class {}, providers: [Provisioned] },
    config: loadConfig(BehindConfig, base),
  });
  await behind.rpcReady;
  const gateway = await startGateway(
    loadConfig(GatewayConfig, {
      ...base,
      PORT: '0',
      STROWGER_TOKEN_SECRET: SECRET,
      GATEWAY_PUBLIC_URL: 'https://soap.example',
      PROVISION_SOAP_RATE_PER_SECOND: '0',
      ...env,
    }),
  );
  const reset = (): void => void Object.assign(Provisioned, { calls: [], answer: () => ({}) });
  reset();

  /** Bytes out, bytes in: nothing is added that is not asked for. */
  const send = ({ method = 'POST', path = PATH, headers = {}, body = '' }: Sent): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(gateway.url!);
      const length = method === 'GET' || method === 'HEAD' ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const outgoing = request({ hostname, port, method, path, headers: { ...length, ...headers }, agent: false });
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(parts).toString() }),
        );
      });
      outgoing.end(body);
    });

  return {
    app: gateway.app,
    url: gateway.url!,
    reset,
    send,
    /** An envelope of 1.1 with its SOAPAction, unless the headers say otherwise. */
    soap11: (body: string | Buffer, headers: Record<string, string> = {}) =>
      send({ body, headers: { 'content-type': 'text/xml; charset=utf-8', soapaction: '""', ...headers } }),
    soap12: (body: string | Buffer, headers: Record<string, string> = {}) =>
      send({ body, headers: { 'content-type': 'application/soap+xml; charset=utf-8', ...headers } }),
    get: (path: string, headers: Record<string, string> = {}) => send({ method: 'GET', path, headers }),
    form: (operation: string, fields: Record<string, string> | string, headers: Record<string, string> = {}) =>
      send({
        path: `${PATH}/${operation}`,
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: typeof fields === 'string' ? fields : new URLSearchParams(fields).toString(),
      }),
    close: async () => {
      await gateway.close();
      await behind.close();
      await nats.stop();
    },
  };
}
export type SoapWorld = Awaited<ReturnType<typeof startSoapWorld>>;

export const LOGIN = { loginUserName: 'iface', loginPassword: 'pw' };
export const USER = { serverHostName: 'h', resellerId: 'r', groupId: 'g', broadworksUserId: 'u@x' };
export const PRODUCT = { applicationName: 'UnityDesktop', licenseType: 'Pro' };

export const elements = (fields: Record<string, string>): string =>
  Object.entries(fields)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join('');

/** A whole request: the method's element with these children. */
export const envelope = (operation: string, inner: string, { ns = NS, soap = SOAP11, header = '' } = {}): string =>
  `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="${soap}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">${header}<s:Body><${operation} xmlns="${ns}">${inner}</${operation}></s:Body></s:Envelope>`;

export const ping = (soap: typeof SOAP11 | typeof SOAP12 = SOAP11): string =>
  envelope('Ping', elements(LOGIN), { soap });

// Golden replies, byte for byte.

export const HEAD11 =
  '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>';
export const HEAD12 = HEAD11.replace(SOAP11, SOAP12);
export const END = '</soap:Body></soap:Envelope>';
export const fault11 = (code: string, text: string): string =>
  `${HEAD11}<soap:Fault><faultcode>soap:${code}</faultcode><faultstring>${text}</faultstring><detail /></soap:Fault>${END}`;
export const fault12 = (code: string, text: string): string =>
  `${HEAD12}<soap:Fault><soap:Code><soap:Value>soap:${code}</soap:Value></soap:Code><soap:Reason><soap:Text xml:lang="en">${text}</soap:Text></soap:Reason><soap:Detail /></soap:Fault>${END}`;
export const result11 = (operation: string, inner: string, ns = NS): string =>
  `${HEAD11}<${operation}Response xmlns="${ns}"><${operation}Result>${inner}</${operation}Result></${operation}Response>${END}`;
export const failure = (message: string, code: string): string =>
  `<success>false</success><errorMessage>${message}</errorMessage><errorCode>${code}</errorCode>`;
export const OK = '<success>true</success>';
