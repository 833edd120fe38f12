import type { IncomingMessage } from 'node:http';
import type { ProvisionBinding } from '@strowger/contracts-hierarchy';
import { codingOf } from '@strowger/http';
import { AppError } from '@strowger/kernel';
import { guarded, logger } from '@strowger/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Buckets } from '../rates/request-rates.js';
import { bind, type Values } from './bind.js';
import { receive, TooLarge, TooSlow } from './body.js';
import { refused, TooMany, type Caller, type Calls } from './calls.js';
import { mediaTypeOf } from './charset.js';
import { CONTENT_TYPE, faultEnvelope, serverError, SoapFault, UnsupportedMedia } from './faults.js';
import { FormError, formOperation, isCrossSite, readForm } from './form.js';
import { HELP_HEADERS, indexPage, operationPage } from './help.js';
import type { Operation } from './registry.js';
import type { Outcome, Replies } from './replies.js';
import type { SoapSettings } from './settings.js';
import { headOf, readSoap, type Progress } from './soap.js';
import { discoOf, wsdlOf } from './wsdl.js';

const log = logger('soap');

export interface SoapOptions {
  settings: SoapSettings;
  calls: Calls;
  replies: Replies;
  /** By address; none sets no limit. */
  limit: Buckets | undefined;
  bodyLimitBytes: number;
  bodyMs: number;
  /** False for what came in the clear where TLS is required. */
  mayCall(request: FastifyRequest): boolean;
  corsElsewhere: boolean;
}

const TEXT = 'text/plain; charset=utf-8';
const XML = 'text/xml; charset=utf-8';
const NO_BODY = Buffer.alloc(0);
const MOST_HEADER = 1024;

type FormRequest = FastifyRequest<{ Params: { operation: string } }>;

/** The SOAP door as a Fastify plugin: its parsers, hooks and errors stay inside, the JSON API's stay out. */
export class SoapPlugin {
  private readonly wsdl = new Map<URL, string>();

  constructor(private readonly options: SoapOptions) {}

  register(fastify: FastifyInstance): void {
    const { path } = this.options.settings;
    fastify.removeAllContentTypeParsers();
    fastify.addContentTypeParser('*', (_request: FastifyRequest, payload: IncomingMessage) =>
      receive(payload, this.options.bodyLimitBytes, this.options.bodyMs),
    );
    fastify.addHook('onRequest', (request, reply, done) => {
      if (!this.mayGoOn(request, reply)) return;
      done();
    });
    // The JSON API may be open to portals on other origins; this door is not.
    if (this.options.corsElsewhere)
      fastify.addHook('onSend', (_request, reply, payload, done) => {
        for (const name of Object.keys(reply.getHeaders()))
          if (name.startsWith('access-control-')) reply.removeHeader(name);
        done(null, payload);
      });
    fastify.setErrorHandler((error, request, reply) => this.failed(error, request, reply));
    const other = { method: ['PUT', 'PATCH', 'DELETE', 'OPTIONS'] };
    for (const url of [path, `${path}/`]) {
      fastify.route({ method: ['GET', 'HEAD'], url, handler: (request, reply) => this.page(request, reply) });
      // Not returned: for a promise Fastify would watch the response to its end.
      fastify.post(
        url,
        guarded('soap', (request: FastifyRequest, reply: FastifyReply) => this.soap(request, reply)),
      );
      fastify.route({ ...other, url, handler: (_, reply) => this.notAllowed(reply, 'GET, HEAD, POST') });
    }
    const url = `${path}/:operation`;
    fastify.post(
      url,
      guarded('soap-form', (request: FormRequest, reply: FastifyReply) => this.form(request, reply)),
    );
    fastify.route({
      method: ['GET', 'HEAD', ...other.method],
      url,
      handler: (_, reply) => this.notAllowed(reply, 'POST'),
    });
  }

  /** Everything that can be refused without reading the body. */
  private mayGoOn(request: FastifyRequest, reply: FastifyReply): boolean {
    const { limit, mayCall, bodyLimitBytes } = this.options;
    void reply.header('Cache-Control', 'private, max-age=0');
    if (!mayCall(request)) {
      void reply
        .code(403)
        .header('Connection', 'close')
        .type(TEXT)
        .send('This service is available over TLS only.\r\n');
      return false;
    }
    const wait = limit?.take(request.clientAddress ?? request.socket.remoteAddress ?? '') ?? 0;
    if (wait > 0) {
      this.busy(reply, wait);
      return false;
    }
    if (codingOf(request.headers['content-encoding'])) {
      void reply.code(415).header('Accept-Encoding', 'identity').send();
      return false;
    }
    if (Number(request.headers['content-length'] ?? 0) > bodyLimitBytes) {
      this.failed(new TooLarge(), request, reply);
      return false;
    }
    return true;
  }

  private busy(reply: FastifyReply, seconds: number): void {
    void reply
      .code(503)
      .header('Retry-After', String(Math.ceil(seconds)))
      .type(TEXT)
      .send('Too many requests.\r\n');
  }

  private notAllowed(reply: FastifyReply, allow: string): FastifyReply {
    return reply
      .code(405)
      .header('Allow', allow)
      .type(TEXT)
      .send(`Use ${allow.replaceAll(', ', ' or ')}.\r\n`);
  }

  // Pages

  private page(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const query = request.url.split('?').slice(1).join('?');
    const url = this.options.settings.publicUrlFor(request.headers.host);
    const [key = '', value] = query.split('&', 1)[0]!.split('=', 2);
    switch (key.toLowerCase()) {
      case 'wsdl':
      case 'singlewsdl':
        return value ? this.nothing(reply) : reply.type(XML).send(this.wsdlAt(url));
      case 'disco':
        return reply.type(XML).send(discoOf(url.href, this.options.settings.namespaces[0]!));
      case 'schema':
        return this.nothing(reply);
    }
    const { helpFor } = this.options.settings;
    if (helpFor && !helpFor.has(request.clientAddress))
      return reply.code(403).type(TEXT).send('This page is not available from your address.\r\n');
    const name = new URLSearchParams(query).get('op');
    return reply
      .headers(HELP_HEADERS)
      .send(name === null ? indexPage(url) : operationPage(name, url, this.options.settings));
  }

  private nothing(reply: FastifyReply): FastifyReply {
    return reply.code(404).type(TEXT).send('There is no such document.\r\n');
  }

  private wsdlAt(url: URL): string {
    const { namespaces, extendedResult, form } = this.options.settings;
    let text = this.wsdl.get(url);
    if (text === undefined) {
      text = wsdlOf({ namespace: namespaces[0]!, url: url.href, extendedResult, form });
      this.wsdl.set(url, text);
    }
    return text;
  }

  // Calls

  /** Answers in any case; never rejects. */
  private async soap(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { settings, replies } = this.options;
    const head = headOf(request.headers['content-type'], request.headers['soapaction'] as string | undefined);
    const progress: Progress = { version: head.version };
    try {
      let outcome: Outcome;
      try {
        const call = readSoap(head, bodyOf(request), settings, progress);
        const binding = call.version === '1.2' ? 'SOAP12' : 'SOAP11';
        outcome = await this.call(call.operation, call.values, request, binding);
      } catch (error) {
        if (!(error instanceof AppError) || !progress.operation) throw error;
        outcome = refused(error, progress.operation, this.caller(request, 'SOAP11'));
      }
      void reply.header('content-type', CONTENT_TYPE[progress.version]);
      void reply.send(replies.soap(progress.version, progress.namespace!, progress.operation!, outcome));
    } catch (error) {
      this.soapFailed(error, request, reply, progress);
    }
  }

  private soapFailed(error: unknown, request: FastifyRequest, reply: FastifyReply, { version }: Progress): void {
    if (error instanceof UnsupportedMedia) return void reply.code(415).send();
    if (error instanceof TooMany) return this.busy(reply, error.retryAfterSeconds);
    const fault = error instanceof SoapFault ? error : this.unexpected(error, request);
    // Who speaks neither version is answered in the one everybody reads.
    const answered = fault.code === 'VersionMismatch' ? '1.1' : version;
    void reply.code(fault.status).header('content-type', CONTENT_TYPE[answered]).send(faultEnvelope(answered, fault));
  }

  private unexpected(error: unknown, request: FastifyRequest): SoapFault {
    log.error({ requestId: request.id, err: error }, 'soap-request-failed');
    return new SoapFault('Server', serverError(request.id));
  }

  /** Answers in any case; never rejects. */
  private async form(request: FormRequest, reply: FastifyReply): Promise<void> {
    const { settings, replies } = this.options;
    try {
      const operation = formOperation(request.params.operation);
      const { host, origin, 'sec-fetch-site': site } = request.headers;
      if (!settings.form) throw new FormError('The HTTP POST protocol is switched off.', 404);
      if (isCrossSite({ host, origin, site: site as string | undefined }, settings))
        throw new FormError('Posts from other sites are refused.', 403);
      let outcome: Outcome;
      try {
        const values = readForm(operation, mediaTypeOf(request.headers['content-type']), bodyOf(request));
        outcome = await this.call(operation, values, request, 'FORM');
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        outcome = refused(error, operation, this.caller(request, 'FORM'));
      }
      void reply.header('content-type', XML);
      void reply.send(replies.form(settings.namespaces[0]!, operation.result, outcome));
    } catch (error) {
      this.formFailed(error, request, reply);
    }
  }

  private formFailed(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    if (error instanceof UnsupportedMedia) return void reply.code(415).send();
    if (error instanceof TooMany) return this.busy(reply, error.retryAfterSeconds);
    const { status, message } =
      error instanceof FormError || error instanceof SoapFault ? error : this.unexpected(error, request);
    void reply.code(status).type(TEXT).send(`${message}\r\n`);
  }

  private call(operation: Operation, values: Values, request: FastifyRequest, binding: ProvisionBinding) {
    return this.options.calls.make(operation, bind(operation, values), this.caller(request, binding));
  }

  private caller(request: FastifyRequest, binding: ProvisionBinding): Caller {
    const forwarded = request.headers['x-forwarded-for'] as string | undefined;
    return {
      address: request.clientAddress,
      forwardedFor: forwarded?.slice(0, MOST_HEADER),
      userAgent: request.headers['user-agent']?.slice(0, 512),
      requestId: request.id,
      binding,
    };
  }

  /** What fails before a handler runs, and what no handler expected. */
  private failed(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const isForm = (request.params as { operation?: string } | undefined)?.operation !== undefined;
    const { version } = headOf(request.headers['content-type'], request.headers['soapaction'] as string | undefined);
    const known = this.refusal(error);
    if (known?.status === 415) return void reply.code(415).send();
    const fault = known ?? this.unexpected(error, request);
    // The rest of the body is not read any more.
    if (known) void reply.header('Connection', 'close');
    if (isForm) this.formFailed(fault, request, reply);
    else this.soapFailed(fault, request, reply, { version });
  }

  private refusal(error: unknown): SoapFault | undefined {
    if (error instanceof TooLarge)
      return new SoapFault('Client', `The request has more than ${this.options.bodyLimitBytes} bytes.`, 413);
    if (error instanceof TooSlow) return new SoapFault('Client', 'The request did not arrive in time.', 408);
    const { statusCode } = error as { statusCode?: number };
    if (statusCode === undefined || statusCode >= 500) return undefined;
    return new SoapFault('Client', 'The request could not be read.', statusCode);
  }
}

const bodyOf = (request: FastifyRequest): Buffer => (Buffer.isBuffer(request.body) ? request.body : NO_BODY);
