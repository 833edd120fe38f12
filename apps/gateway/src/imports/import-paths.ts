import { IMPORT_COLUMNS, IMPORT_ROW_STATES } from '@strowger/contracts-hierarchy';

const problem = (codes: string[]) => ({
  description: codes.map((code) => `\`${code}\``).join(', '),
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});
const security = [{ portal: [] }, { apiKey: [] }];
const parameter = (name: string, where: 'path' | 'query' | 'header', schema: object, description: string) => ({
  name,
  in: where,
  required: where === 'path',
  description,
  schema,
});
const FILE = [
  IMPORT_COLUMNS.join(','),
  'acme,Acme Telecom,acme-hq,Headquarters,chris@acme.example,Chris Tutt,UnityDesktop,Pro',
  'acme,,acme-hq,,dana@acme.example,Dana Reyes,,',
].join('\r\n');
const RESULTS = [
  ['row', 'result', 'code', 'message', ...IMPORT_COLUMNS].join(','),
  '2,created,,,acme,Acme Telecom,acme-hq,Headquarters,chris@acme.example,Chris Tutt,UnityDesktop,Pro',
].join('\r\n');

const WAITING = {
  id: '01934f5e-8f3a-7c21-b0a4-6f2f6a1d9c10',
  systemProviderId: '01934f5e-8f3a-7c21-b0a4-6f2f6a1d9c11',
  fileName: 'users.csv',
  dryRun: false,
  state: 'waiting',
  ...{ rows: 0, created: 0, kept: 0, failed: 0 },
  createdAt: '2026-11-20T09:30:00.000Z',
};

/** OpenAPI of the routes of imports that carry CSV. */
export const IMPORT_PATHS = {
  '/v1/system-providers/{systemProviderId}/imports': {
    post: {
      operationId: 'importUsers',
      tags: ['Imports'],
      summary: 'Import users from CSV',
      description:
        'One user a row, with its reseller and group, which are made where they are missing; what exists is kept as it ' +
        `is. Columns, in any order: ${IMPORT_COLUMNS.join(', ')}; the ids are required. A row with applicationName and ` +
        'licenseType also assigns that license; several rows may name one user. Each row is done as a whole or not at ' +
        'all. The answer comes as soon as the file is stored: follow the import at its `Location`, where it also says ' +
        'how each row fared. The work survives restarts, and sending a file again does no harm.\n\n' +
        'UTF-8, with or without byte order mark; separated by commas (or semicolons or tabs); fields with separators, ' +
        'quotes or line breaks in double quotes. Nothing is trimmed.\n\n' +
        'Permission of an API key: `write` or `hierarchy:write`, with licenses also `licensing:write`.',
      security,
      parameters: [
        parameter('systemProviderId', 'path', { type: 'string', format: 'uuid' }, 'Where the users belong.'),
        parameter(
          'dryRun',
          'query',
          { type: 'boolean', default: false },
          'Reports what each row would do, and does nothing.',
        ),
        parameter('fileName', 'query', { type: 'string', maxLength: 255 }, 'Shown with the import.'),
        parameter(
          'Idempotency-Key',
          'header',
          { type: 'string', minLength: 1, maxLength: 255 },
          'Same key and file: same answer. Same key, other file: 422. Kept 24 hours.',
        ),
      ],
      requestBody: { required: true, content: { 'text/csv': { schema: { type: 'string' }, example: FILE } } },
      responses: {
        202: {
          description: 'The file is stored and will be worked off.',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/ImportView' }, example: WAITING } },
        },
        400: problem(['IMPORT_UNREADABLE', 'INVALID_INPUT']),
        401: problem(['TOKEN_REFUSED']),
        403: problem(['ACCESS_FORBIDDEN']),
        404: problem(['PROVIDER_NOT_FOUND']),
        409: problem(['REQUEST_IN_PROGRESS']),
        413: problem(['PAYLOAD_TOO_LARGE']),
        415: problem(['UNSUPPORTED_MEDIA_TYPE']),
        422: problem(['IDEMPOTENCY_KEY_REUSED']),
        503: problem(['SERVICE_UNAVAILABLE']),
      },
    },
  },
  '/v1/imports/{id}/results.csv': {
    get: {
      operationId: 'downloadImportResults',
      tags: ['Imports'],
      summary: 'How the rows of an import fared, as CSV',
      description: 'The rows as they were sent, each after its row number, result, code and message.',
      security,
      parameters: [
        parameter('id', 'path', { type: 'string', format: 'uuid' }, 'The import.'),
        parameter('state', 'query', { type: 'string', enum: [...IMPORT_ROW_STATES] }, 'Only rows with this result.'),
      ],
      responses: {
        200: { description: 'The results', content: { 'text/csv': { schema: { type: 'string' }, example: RESULTS } } },
        400: problem(['INVALID_INPUT']),
        401: problem(['TOKEN_REFUSED']),
        403: problem(['ACCESS_FORBIDDEN']),
        404: problem(['IMPORT_NOT_FOUND']),
        503: problem(['SERVICE_UNAVAILABLE']),
      },
    },
  },
};
