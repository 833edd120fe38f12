/** JSON as RFC 8259 has it: UTF-8, whatever a charset parameter says, and nothing that only resembles it. */
import { InvalidInput } from '@strowger/kernel';
import type { FastifyInstance } from 'fastify';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** What a lenient decoder would turn into U+FFFD, and a person would get on their phone. */
class NotUtf8 extends InvalidInput {
  constructor(field: 'body' | 'query') {
    super([{ field, rule: 'utf-8', message: `The ${field} is not valid UTF-8.` }]);
  }
}

/** @throws InvalidInput naming the encoding */
function textOf(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch {
    throw new NotUtf8('body');
  }
}

/** @throws InvalidInput naming the encoding, for a query with bytes that are no UTF-8 */
export function assertQueryReadable(url: string): void {
  const at = url.indexOf('?');
  if (at < 0 || !url.includes('%', at)) return;
  try {
    decodeURIComponent(url.slice(at + 1));
  } catch {
    throw new NotUtf8('query');
  }
}

/** In place of Fastify's own parser, which decodes leniently. */
export function readJsonStrictly(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'ignore');
  fastify.removeContentTypeParser('application/json');
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    let text: string;
    try {
      text = textOf(body);
    } catch (error) {
      return done(error as Error);
    }
    return parse(request, text, done);
  });
}
