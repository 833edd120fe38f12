import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  hierarchyRpc,
  IMPORT_COLUMNS,
  IMPORT_PART_LENGTH,
  IMPORT_ROW_STATES,
  type ImportRowState,
  type ImportRowView,
  type ImportView,
} from '@strowger/contracts-hierarchy';
import { AppError, InvalidInput, newId, type RpcContext } from '@strowger/kernel';
import type { Rpc } from '@strowger/rpc';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AccessForbidden, authorize } from '../auth/access.js';
import { permits } from '../auth/permissions.js';
import type { ProviderTree } from '../auth/provider-tree.js';
import type { Principal, Tokens } from '../auth/tokens.js';
import { idFromKey, type IdempotencyKeys } from '../routes/idempotency.js';
import type { Answer } from '../routes/route.js';

interface Start {
  Params: { systemProviderId: string };
  Querystring: { dryRun?: string; fileName?: string };
  Headers: { 'idempotency-key'?: string };
}
interface Results {
  Params: { id: string };
  Querystring: { state?: string };
}

const PAGE_ROWS = 200;
const SAVE_AS = 'Save it as “CSV UTF-8” and send it again.';

/** The file as text. @throws InvalidInput when it is not UTF-8 */
function textOf(bytes: Buffer): string {
  try {
    // Keeps a byte order mark: the reader of the CSV drops it.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new InvalidInput([{ field: 'body', rule: 'utf-8', message: `The file is not UTF-8. ${SAVE_AS}` }]);
  }
}

/** Pieces that fit a message; none begins in the middle of a character. */
export function* partsOf(text: string, length = IMPORT_PART_LENGTH): Generator<string> {
  for (let from = 0; from < text.length;) {
    let to = Math.min(from + length, text.length);
    const last = text.charCodeAt(to - 1);
    if (to < text.length && last >= 0xd800 && last <= 0xdbff) to -= 1;
    yield text.slice(from, to);
    from = to;
  }
}

/**
 * Whether the first row may name the columns of licenses. The whole file is looked at: names may stand in quotes with any
 * number of spaces and line breaks around them, so only hierarchy, which reads the CSV, knows where that row ends.
 */
export const mayNameLicenses = (text: string): boolean => /applicationname|licensetype/i.test(text);

const csvField = (value: string): string => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
const csvLine = (values: readonly string[]): string => `${values.map(csvField).join(',')}\r\n`;

/**
 * The routes of imports that carry CSV: the file in, which goes to hierarchy in parts that fit its messages, and the
 * results out, page by page. All else about imports is in the route table.
 */
export class UserImports {
  constructor(
    private readonly tokens: Tokens,
    private readonly rpc: Rpc,
    private readonly providers: ProviderTree,
    private readonly keys: IdempotencyKeys,
    private readonly options: { maxBytes: number; timeoutMs: number },
  ) {}

  async register(fastify: FastifyInstance): Promise<void> {
    const principals = new WeakMap<FastifyRequest, Principal>();
    await fastify.register(async (scope) => {
      // Fastify's own would hand on any text as it stands.
      scope.removeContentTypeParser('text/plain');
      scope.addContentTypeParser(
        'text/csv',
        { parseAs: 'buffer', bodyLimit: this.options.maxBytes },
        (_, body, done) => {
          try {
            done(null, textOf(body as Buffer));
          } catch (error) {
            done(error as Error);
          }
        },
      );
      scope.route<Start>({
        method: 'POST',
        url: '/v1/system-providers/:systemProviderId/imports',
        bodyLimit: this.options.maxBytes,
        // Before the body is read: nobody unknown sends us megabytes.
        onRequest: async (request) => {
          principals.set(request, await authorize(this.tokens, request, 'write', 'hierarchy'));
        },
        handler: async (request, reply) => {
          const { status, body, headers } = await this.start(request, principals.get(request)!);
          return reply
            .code(status)
            .headers(headers ?? {})
            .send(body);
        },
      });
      scope.get<Results>('/v1/imports/:id/results.csv', async (request, reply) => {
        const context = await this.contextOf(await authorize(this.tokens, request, 'read', 'hierarchy'));
        const { id } = request.params;
        const { state } = request.query;
        if (state !== undefined && !(IMPORT_ROW_STATES as readonly string[]).includes(state))
          throw new InvalidInput([
            { field: 'state', rule: 'in', message: `state must be one of ${IMPORT_ROW_STATES.join(', ')}.` },
          ]);
        await this.ask(context).get(id);
        return reply
          .type('text/csv; charset=utf-8')
          .header('content-disposition', `attachment; filename="import-${id.toLowerCase()}.csv"`)
          .send(Readable.from(this.results(context, id, state as ImportRowState | undefined)));
      });
    });
  }

  private async start(request: FastifyRequest<Start>, principal: Principal): Promise<Answer> {
    const text = request.body;
    if (typeof text !== 'string')
      throw new AppError('invalid', 'unsupported-media-type', 'Send the file as text/csv, in UTF-8.');
    this.checkLicensing(principal, text);
    const { systemProviderId } = request.params;
    const { fileName } = request.query;
    const dryRun = flag(request.query.dryRun);
    const context = await this.contextOf(principal);
    const run = async (id: string): Promise<Answer> => {
      const view = await this.receive(context, { id, systemProviderId, fileName, dryRun }, text);
      return { status: 202, body: view, headers: { location: `/v1/imports/${view.id}`, 'retry-after': '2' } };
    };
    const key = request.headers['idempotency-key'];
    if (key === undefined) return run(newId());
    if (key.length === 0 || key.length > 255)
      throw new InvalidInput([
        { field: 'Idempotency-Key', rule: 'length', message: 'An Idempotency-Key has 1 to 255 characters.' },
      ]);
    const caller = `${principal.actor.id} POST ${request.routeOptions.url}`;
    const digest = createHash('sha256').update(text).digest('hex');
    return this.keys.once(caller, key, { systemProviderId, fileName, dryRun, digest }, (attempt) =>
      run(idFromKey(caller, key, attempt)),
    );
  }

  private async receive(
    context: RpcContext,
    given: { id: string; systemProviderId: string; fileName?: string; dryRun: boolean },
    text: string,
  ): Promise<ImportView> {
    const { start, addPart, finish } = this.ask(context);
    const { id } = await start(given);
    let parts = 0;
    for (const content of partsOf(text)) await addPart({ id, number: parts++, content });
    return finish({ id, parts });
  }

  private async *results(context: RpcContext, id: string, state?: ImportRowState): AsyncGenerator<string> {
    yield csvLine(['row', 'result', 'code', 'message', ...IMPORT_COLUMNS]);
    let cursor: string | undefined;
    do {
      const page = await this.ask(context).rows({ id, limit: PAGE_ROWS, cursor, state });
      yield page.items.map(lineOf).join('');
      cursor = page.nextCursor;
    } while (cursor !== undefined);
  }

  /** An import with licenses does what needs the permission to manage them. */
  private checkLicensing(principal: Principal, text: string): void {
    if (principal.kind !== 'api-key' || permits(principal.permissions, 'write', 'licensing')) return;
    if (mayNameLicenses(text))
      throw new AccessForbidden('an API key with the permission write or licensing:write, as the file names licenses');
  }

  private async contextOf({ scope, actor }: Principal): Promise<RpcContext> {
    return { scope: await this.providers.widen(scope), actor };
  }

  private ask({ scope, actor }: RpcContext) {
    const to =
      <B extends object, R>(contract: Parameters<typeof this.rpc.call<B, R>>[0]) =>
      (body: B): Promise<R> =>
        this.rpc.call(contract, { scope, actor, body }, { timeoutMs: this.options.timeoutMs });
    return {
      start: to(hierarchyRpc.startImport),
      addPart: to(hierarchyRpc.addImportPart),
      finish: to(hierarchyRpc.finishImport),
      get: (id: string) => to(hierarchyRpc.getImport)({ id }),
      rows: to(hierarchyRpc.listImportRows),
    };
  }
}

const lineOf = (row: ImportRowView): string =>
  csvLine([
    String(row.row),
    row.result,
    row.code ?? '',
    row.message ?? '',
    ...IMPORT_COLUMNS.map((column) => row[column]),
  ]);

function flag(value: string | undefined): boolean {
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw new InvalidInput([{ field: 'dryRun', rule: 'is-boolean', message: 'dryRun must be true or false.' }]);
}
