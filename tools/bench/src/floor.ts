import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { Controller, Header, HttpCode, Module, Post, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SOAP_FLOOR_PATH, SOAP_SUCCESS } from './requests.js';

/**
 * The floor F: a bare Nest on Fastify that takes a carrier's webhook as raw bytes and answers it, and does nothing else.
 * Ours can't be faster, and how far it is from that is what safety costs. Runs as a process of its own; sends its port.
 */
const RCML = '<?xml version="1.0" encoding="UTF-8"?><Response/>';

@Controller()
class FloorController {
  @Post('hooks/:kind/:token')
  @HttpCode(200)
  @Header('content-type', 'text/xml; charset=utf-8')
  receive(@Req() request: { body: unknown }): string {
    return Buffer.isBuffer(request.body) ? RCML : '';
  }
}

@Module({ controllers: [FloorController] })
class FloorModule {}

const adapter = new FastifyAdapter({ logger: false });
const app = await NestFactory.create<NestFastifyApplication>(FloorModule, adapter, {
  logger: false,
  bodyParser: false,
});
adapter
  .getInstance()
  .addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
const ENVELOPE = `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><AddUserLicenseResponse xmlns="http://strowger.dev/provision/"><AddUserLicenseResult>${SOAP_SUCCESS}</AddUserLicenseResult></AddUserLicenseResponse></soap:Body></soap:Envelope>`;
// The floor of a SOAP call is Fastify alone.
const fastify = adapter.getInstance();
fastify.addContentTypeParser('text/xml', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
fastify.post(SOAP_FLOOR_PATH, (_request, reply) => reply.type('text/xml; charset=utf-8').send(ENVELOPE));
await app.listen(0, '127.0.0.1');
process.on('disconnect', () => process.exit(0));
process.send!({ port: (app.getHttpServer().address() as AddressInfo).port });
