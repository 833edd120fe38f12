import type { Socket } from 'node:net';
import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { AppError } from '@strowger/kernel';
import { logger } from '@strowger/telemetry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorOf, problemOf } from './problem.js';

const log = logger('http');

/** Wait this long when the error itself does not say. */
const RETRY_AFTER_SECONDS = { 'rate-limited': 1, unavailable: 5 };

/** Turns whatever a request threw into `application/problem+json`; the only place that knows HTTP status codes. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(thrown, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}

export function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = errorOf(thrown);
  const problem = problemOf(error, `urn:strowger:request:${request.id}`);
  const ids = { requestId: request.id, method: request.method, route: request.routeOptions?.url, code: error.code };
  if (problem.status === 500) log.error({ ...ids, err: error.cause ?? error }, 'request-failed');
  else log.debug({ ...ids, status: problem.status }, 'request-refused');
  if (reply.sent) return;
  // Its hook has not run when the router itself refuses a request.
  if (!reply.hasHeader('X-Request-Id')) void reply.header('X-Request-Id', request.id);
  if (error.kind === 'rate-limited' || error.kind === 'unavailable')
    void reply.header(
      'Retry-After',
      String(Math.max(1, Math.ceil(error.retryAfterSeconds ?? RETRY_AFTER_SECONDS[error.kind]))),
    );
  if (problem.status === 401 && !reply.hasHeader('WWW-Authenticate')) void reply.header('WWW-Authenticate', 'Bearer');
  void reply
    .status(problem.status)
    .type('application/problem+json')
    .header('Cache-Control', 'no-store')
    .send(JSON.stringify(problem));
}

/** Bytes that are no HTTP request, or too many of them: there is no request yet, so the socket is answered. */
export function answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy(error);
  const [line, problem] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [
          '431 Request Header Fields Too Large',
          new AppError('invalid', 'headers-too-large', 'The headers are larger than accepted.'),
        ]
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', new AppError('invalid', 'request-timeout', 'The request did not arrive in time.')]
        : ['400 Bad Request', new AppError('invalid', 'malformed-request', 'This is not a valid HTTP request.')];
  const body = JSON.stringify(problemOf(problem));
  socket.end(
    `HTTP/1.1 ${line}\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
