import { DeadLetterView, ListDeadLetters, WholeDeadLetterView } from '../dead-letters.js';
import { schemaOf } from '../routes/schemas.js';

/** OpenAPI of the routes outside the table: sessions, client tokens, the socket, dead letters. */
const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});
const json = (schema: object, example?: unknown) => ({
  content: { 'application/json': { schema, ...(example === undefined ? {} : { example }) } },
});

const DEAD_LETTER = {
  id: '17',
  consumer: 'routing-deliveries',
  reason: 'invalid-data',
  kind: 'invalid',
  error: 'invalid-input: text must be a string.',
  deliveries: 1,
  at: '2026-11-20T09:30:00.000Z',
  stream: 'INGESTION',
  sequence: 4711,
  subject: 'ingestion.delivery.received.v1',
  eventId: '01934f5e-8f3a-7c21-b0a4-6f2f6a1d9c10',
  sizeBytes: 812,
};

const token = {
  type: 'object',
  required: ['accessToken', 'expiresIn', 'tokenType', 'principal'],
  properties: {
    accessToken: { type: 'string' },
    expiresIn: { type: 'integer', description: 'seconds' },
    tokenType: { type: 'string', enum: ['Bearer'] },
    principal: { type: 'object' },
  },
};
const clientToken = {
  type: 'object',
  required: ['clientToken', 'expiresIn', 'tokenType', 'userId'],
  properties: {
    clientToken: { type: 'string' },
    expiresIn: { type: 'integer', description: 'seconds' },
    tokenType: { type: 'string', enum: ['Bearer'] },
    userId: { type: 'string', format: 'uuid' },
  },
};

export const OTHER_PATHS = {
  '/v1/sessions': {
    post: {
      operationId: 'signIn',
      tags: ['Sessions'],
      summary: 'Sign in with e-mail and password',
      security: [],
      description: 'Answers a short access token; the refresh token comes as an HttpOnly cookie.',
      requestBody: {
        required: true,
        ...json(
          {
            type: 'object',
            required: ['email', 'password'],
            properties: {
              email: { type: 'string', format: 'email' },
              password: { type: 'string', minLength: 1, maxLength: 256 },
            },
          },
          { email: 'admin@demo.example', password: 'correct horse battery staple' },
        ),
      },
      responses: {
        200: { description: 'Signed in', ...json(token) },
        400: problem('`INVALID_INPUT`'),
        401: problem('`INVALID_CREDENTIALS`'),
        403: problem('`ACCOUNT_LOCKED`'),
        429: problem('`TOO_MANY_LOGIN_ATTEMPTS`'),
      },
    },
  },
  '/v1/sessions/refresh': {
    post: {
      operationId: 'refreshSession',
      tags: ['Sessions'],
      summary: 'A new access token; the refresh token rotates',
      security: [{ session: [] }],
      responses: {
        200: { description: 'Renewed', ...json(token) },
        401: problem('`TOKEN_REFUSED`, `SESSION_ENDED`, `REFRESH_TOKEN_REUSED`'),
      },
    },
  },
  '/v1/sessions/current': {
    delete: {
      operationId: 'endSession',
      tags: ['Sessions'],
      summary: 'Sign out',
      security: [{ session: [] }],
      responses: { 204: { description: 'Signed out' }, 401: problem('`TOKEN_REFUSED`') },
    },
  },
  '/v1/me': {
    get: {
      operationId: 'me',
      tags: ['Sessions'],
      summary: 'Who the token stands for',
      security: [{ portal: [] }, { apiKey: [] }],
      responses: {
        200: { description: 'The portal user or API key', ...json({ type: 'object' }) },
        401: problem('`TOKEN_REFUSED`, `API_KEY_REFUSED`'),
      },
    },
  },
  '/v1/users/{id}/client-tokens': {
    post: {
      operationId: 'mintClientToken',
      tags: ['Sessions'],
      summary: 'A client token for a user; written to the history',
      security: [{ portal: [] }],
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } }],
      responses: {
        201: { description: 'The token', ...json(clientToken) },
        400: problem('`INVALID_INPUT`'),
        401: problem('`TOKEN_REFUSED`'),
        403: problem('`ACCESS_FORBIDDEN`'),
        404: problem('`USER_NOT_FOUND`'),
      },
    },
  },
  '/v1/client/ws': {
    get: {
      operationId: 'clientSocket',
      tags: ['Client'],
      summary: 'WebSocket of a client',
      security: [{ client: [] }],
      description:
        'Subprotocol `strowger.v1`; token in `Authorization` or as subprotocol `bearer.<token>`. Send `{"type":"hello","cursor":N}`: missed frames come in order, then `synced`, then live ones (`message.created`, `message.updated`). Answer what was shown with `{"type":"ack","cursor":N}`. Each hello starts again from its own cursor. `{"type":"cursor-ahead","cursor":N}` says that the feed ends at N, before the cursor of the hello, as after a restore: forget what you have and say hello from 0. A frame that breaks the rules is answered with an `error` frame, and the socket closes with 4002.',
      responses: {
        101: { description: 'Switching protocols' },
        401: { description: 'The token is missing, bad or expired' },
        426: problem('`UPGRADE_REQUIRED`: this is a WebSocket'),
        429: { description: 'Too many sockets of the user, of the system provider or from the address' },
        503: { description: 'No live messages can be had right now. Try again in a moment.' },
      },
    },
  },
  '/v1/dead-letters': {
    get: {
      operationId: 'listDeadLetters',
      tags: ['Operations'],
      summary: 'Facts a consumer could not handle, oldest first, with the reason',
      security: [{ portal: [] }],
      parameters: Object.entries(schemaOf(ListDeadLetters).properties ?? {}).map(([name, schema]) => ({
        name,
        in: 'query',
        required: false,
        schema,
      })),
      responses: {
        200: {
          description: 'A page',
          ...json(
            {
              type: 'object',
              required: ['items'],
              properties: {
                items: { type: 'array', items: schemaOf(DeadLetterView) },
                nextCursor: { type: 'string' },
              },
            },
            { items: [DEAD_LETTER] },
          ),
        },
        400: problem('`INVALID_INPUT`'),
        401: problem('`TOKEN_REFUSED`'),
        403: problem('`ACCESS_FORBIDDEN`'),
      },
    },
  },
  '/v1/dead-letters/{id}/replay': {
    post: {
      operationId: 'replayDeadLetter',
      tags: ['Operations'],
      summary: 'Hand it to its consumer again',
      security: [{ portal: [] }],
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      responses: {
        204: { description: 'On its way' },
        401: problem('`TOKEN_REFUSED`'),
        403: problem('`ACCESS_FORBIDDEN`'),
        404: problem('`DEAD_LETTER_NOT_FOUND`'),
      },
    },
  },
  '/v1/dead-letters/{id}': {
    get: {
      operationId: 'getDeadLetter',
      tags: ['Operations'],
      summary: 'One of them with the message as it came, which holds customers’ data',
      security: [{ portal: [] }],
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      responses: {
        200: {
          description: 'The dead letter',
          ...json(schemaOf(WholeDeadLetterView), { ...DEAD_LETTER, messageBase64: 'eyJpZCI6IuKApiJ9' }),
        },
        401: problem('`TOKEN_REFUSED`'),
        403: problem('`ACCESS_FORBIDDEN`'),
        404: problem('`DEAD_LETTER_NOT_FOUND`'),
      },
    },
    delete: {
      operationId: 'discardDeadLetter',
      tags: ['Operations'],
      summary: 'Forget it',
      security: [{ portal: [] }],
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      responses: {
        204: { description: 'Forgotten' },
        401: problem('`TOKEN_REFUSED`'),
        403: problem('`ACCESS_FORBIDDEN`'),
        404: problem('`DEAD_LETTER_NOT_FOUND`'),
      },
    },
  },
} as const;
