import { CreatePlatform, OperationView } from '@strowger/contracts-provisioning';
import { carriers } from '@strowger/cpaas';
import { AppError, type ErrorKind } from '@strowger/kernel';
import { shownCode, statusOf } from '@strowger/http';
import type { Principal } from '../auth/tokens.js';
import { reads } from '../auth/access.js';
import { rolesOf } from '../auth/roles.js';
import { areaOf } from '../routes/areas.js';
import { idFieldsOf, pathParameters, pathWith, type Route } from '../routes/route.js';
import { SchemaRegistry, type Schema } from '../routes/schemas.js';

/** Problems every operation of an access can answer. */
const COMMON: Record<string, ErrorKind> = {
  'invalid-input': 'invalid',
  'headers-too-large': 'invalid',
  'rate-limited': 'rate-limited',
  'service-unavailable': 'unavailable',
};
const AUTHENTICATED: Record<string, ErrorKind> = {
  'token-refused': 'unauthenticated',
  'api-key-refused': 'unauthenticated',
  'access-forbidden': 'forbidden',
};

const PROBLEM: Schema = {
  type: 'object',
  description:
    'RFC 9457 problem. `code` is stable, and the same as the `errorCode` of the provisioning SOAP API; `detail` is for the person who must act; `errors` names each broken field and rule.',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['field', 'rule', 'message'],
        properties: { field: { type: 'string' }, rule: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
};

const CARRIERS = carriers();

const EXAMPLES: Record<string, unknown> = {
  'platform-kind': CARRIERS[0]!.manifest.kind,
  uuid: '01934f5e-8f3a-7c21-b0a4-6f2f6a1d9c10',
  'date-time': '2026-11-20T09:30:00.000Z',
  email: 'admin@demo.example',
};

/** What a field of this name usually holds; names say more than types do. */
const BY_NAME: readonly [RegExp, unknown][] = [
  [/At$|^at$|^time$/, '2026-11-20T09:30:00.000Z'],
  [/^(e164|from|to|remote)$/, '+12015550123'],
  [/^number$/, '2015550123'],
  [/^timezone$/, 'America/Chicago'],
  [/^language$/, 'en'],
  [/^(name|actorName|objectName)$/, 'Chris Tutt'],
  [/^friendlyName$/, 'Chris Direct'],
  [/^broadworksUserId$/, 'chris@acme.example'],
  [/^text$/, 'Your table is ready.'],
  [/^platformName$/, CARRIERS[0]!.manifest.label],
  [/^messagingType$/, 'SMS'],
  [/Url$/, 'https://hooks.example.net/hooks/3q2-7w'],
  [/^jobId$/, '8471'],
  [/^ip$/, '192.0.2.7'],
  [/^application$/, 'UnityDesktop'],
  [/^licenseType$/, 'Pro'],
];

/** A plausible value of a schema: first its own example, then what its type and format say. */
function exampleOf(schema: Schema, components: Record<string, Schema>, name = ''): unknown {
  const ref = schema['$ref'] as string | undefined;
  if (ref) return exampleOf(components[ref.split('/').at(-1)!] ?? {}, components);
  if (Array.isArray(schema['examples'])) return (schema['examples'] as unknown[])[0];
  const [choice] = (schema['oneOf'] as Schema[] | undefined) ?? [];
  if (choice) return exampleOf(choice, components);
  if (schema['default'] !== undefined) return schema['default'];
  if (Array.isArray(schema['enum'])) return (schema['enum'] as unknown[])[0];
  if (schema['format'] !== undefined && EXAMPLES[schema['format'] as string] !== undefined)
    return EXAMPLES[schema['format'] as string];
  const usual = schema['type'] === 'string' ? BY_NAME.find(([pattern]) => pattern.test(name))?.[1] : undefined;
  if (usual !== undefined) return usual;
  if (schema['type'] === 'array') return [exampleOf((schema['items'] as Schema) ?? {}, components)];
  if (schema['type'] === 'integer' || schema['type'] === 'number') return schema['minimum'] ?? 1;
  if (schema['type'] === 'boolean') return true;
  if (schema.properties)
    return Object.fromEntries(
      Object.entries(schema.properties).map(([name, property]) => [name, exampleOf(property, components)]),
    );
  return schema['type'] === 'object' ? {} : 'text';
}

/** The OpenAPI 3.1 document of the route table. */
export function openApiDocument(table: readonly Route[], publicUrl: string): Record<string, unknown> {
  const schemas = new SchemaRegistry();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of table) {
    const path = pathWith(route.path, (name) => `{${name}}`);
    (paths[path] ??= {})[route.method.toLowerCase()] = operation(route, schemas);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Strowger',
      version: '1',
      description: 'SMS-enables business phone numbers for telecom service providers, and carries the messages.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: publicUrl }],
    paths,
    components: {
      schemas: { ...schemas.components, Problem: PROBLEM },
      securitySchemes: {
        portal: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'Access token of a portal user, from POST /v1/sessions.',
        },
        client: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'Client token of a user, from POST /v1/users/{id}/client-tokens.',
        },
        apiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'X-API-Key',
          description:
            'API key of an integrator, from POST /v1/api-keys; also accepted as `Authorization: Bearer stk_…`. ' +
            'Each operation names the permission it needs.',
        },
        session: { type: 'apiKey', in: 'cookie', name: 'strowger_refresh' },
      },
    },
  };
}

/** Asks a route which fields it fills; the values don't matter. */
const SOMEBODY: Principal = {
  kind: 'client',
  actor: { kind: 'client', id: '', name: '' },
  scope: { level: 'user', id: '', systemProviderId: '' },
  userId: '',
  expiresAt: 0,
};

function operation(route: Route, schemas: SchemaRegistry): Record<string, unknown> {
  const request = schemas.inline(route.contract.body);
  if (route.contract.body === CreatePlatform) describeCarriers(request, schemas);
  const inPath = new Set(pathParameters(route.path));
  const filled = new Set<string>([
    ...Object.keys(route.fill?.(SOMEBODY) ?? {}),
    ...(route.waits ? ['waitSeconds'] : []),
    ...idFieldsOf(route),
    ...(route.versioned ? ['version'] : []),
  ]);
  const fields = Object.entries(request.properties ?? {}).filter(([name]) => !inPath.has(name) && !filled.has(name));
  const required = (request.required ?? []).filter((name) => fields.some(([field]) => field === name));
  const takesBody = route.method !== 'GET' && route.method !== 'DELETE' && fields.length > 0;
  const header = (name: string, description: string, schema: Schema): object => ({
    name,
    in: 'header',
    required: false,
    description,
    schema,
  });
  const status = route.status ?? (route.response ? 200 : 204);
  const body: Schema = {
    type: 'object',
    properties: Object.fromEntries(fields),
    ...(required.length ? { required } : {}),
    additionalProperties: false,
  };
  if (takesBody) schemas.close(body);
  const bodyExample = route.example?.request ?? exampleOf(body, schemas.components);
  return {
    operationId:
      route.contract.subject.split('.')[2]!.replaceAll(/-(\w)/g, (_, c: string) => c.toUpperCase()) +
      operationSuffix(route),
    tags: [route.tag],
    summary: route.summary,
    ...describing(route),
    security: securityOf(route),
    ...(takesPortalUsers(route) ? { 'x-roles': rolesOf(route.access) } : {}),
    parameters: [
      ...[...inPath].map((name) => ({
        name,
        in: 'path',
        required: true,
        schema: request.properties?.[name] ?? { type: 'string' },
      })),
      ...(takesBody
        ? []
        : fields.map(([name, schema]) => ({ name, in: 'query', required: required.includes(name), schema }))),
      ...(route.idempotent
        ? [
            header('Idempotency-Key', 'Same key and body: same answer. Same key, other body: 422. Kept 24 hours.', {
              type: 'string',
              minLength: 1,
              maxLength: 255,
            }),
          ]
        : []),
      ...(route.versioned && route.method !== 'GET'
        ? [
            header('If-Match', 'ETag of the version this change was made from; 412 when it has changed since.', {
              type: 'string',
            }),
          ]
        : []),
      ...(route.waits
        ? [
            header('Prefer', 'wait=N: seconds to wait for the result before 202 is answered (default 20, most 30).', {
              type: 'string',
              examples: ['wait=20'],
            }),
          ]
        : []),
    ],
    ...(takesBody
      ? {
          requestBody: {
            required: required.length > 0,
            content: { 'application/json': { schema: body, example: bodyExample } },
          },
        }
      : {}),
    responses: {
      [status]: { description: route.summary, ...content(route, schemas) },
      ...(route.waits
        ? {
            202: {
              description: 'Still running: see the operation.',
              content: { 'application/json': withExample(schemas.reference(OperationView), schemas) },
            },
          }
        : {}),
      ...problems(
        route,
        fields.some(([, schema]) => schema['format'] === 'uuid'),
      ),
    },
  };
}

/** A platform has the credentials of one carrier or another: each carrier's own form. */
function describeCarriers({ properties = {} }: Schema, schemas: SchemaRegistry): void {
  properties['kind'] = { type: 'string', enum: CARRIERS.map(({ manifest }) => manifest.kind) };
  properties['credentials'] = { oneOf: CARRIERS.map(({ credentials }) => schemas.reference(credentials)) };
}

const takesKeys = ({ access }: Route): boolean => reads(access) || access === 'write' || access === 'operator';

const takesPortalUsers = ({ access }: Route): boolean => access !== 'public' && access !== 'client';

function securityOf(route: Route): Record<string, never[]>[] {
  if (route.access === 'public') return [];
  if (route.access === 'client') return [{ client: [] }];
  return [{ portal: [] }, ...(takesKeys(route) ? [{ apiKey: [] }] : [])];
}

/** What a key must permit is said with each operation, since OpenAPI has no place for it. */
function describing(route: Route): { description?: string } {
  const area = areaOf(route);
  const action = reads(route.access) ? 'read' : 'write';
  const permission = area === 'any' ? `any \`${action}\`` : `\`${area}:${action}\` or \`${action}\``;
  const forKeys = takesKeys(route) ? `API keys need the permission ${permission}.` : '';
  const description = [route.description, forKeys].filter(Boolean).join('\n\n');
  return description ? { description } : {};
}

/** Keeps operation ids apart where two paths serve the same request. */
function operationSuffix(route: Route): string {
  if (route.path.startsWith('/v1/client/')) return 'AsClient';
  if (route.path.startsWith('/v1/me/') && !route.contract.subject.includes('-own-')) return 'OfMine';
  const parent = /^\/v1\/([a-z-]+)\/:\w+\/[a-z-]+$/.exec(route.path)?.[1];
  return parent && /\.(list|get)-/.test(route.contract.subject)
    ? `Of${parent.replaceAll(/(?:^|-)(\w)/g, (_, c: string) => c.toUpperCase())}`
    : '';
}

const withExample = (schema: Schema, { components }: SchemaRegistry) => ({
  schema,
  example: exampleOf(schema, components),
});

function content({ response, example }: Route, schemas: SchemaRegistry): Record<string, unknown> {
  if (!response) return {};
  const item = schemas.reference(response.view);
  const schema: Schema =
    response.as === 'list'
      ? { type: 'array', items: item }
      : response.as === 'page'
        ? {
            type: 'object',
            required: ['items'],
            properties: { items: { type: 'array', items: item }, nextCursor: { type: 'string' } },
          }
        : item;
  return {
    content: { 'application/json': { schema, example: example?.response ?? exampleOf(schema, schemas.components) } },
  };
}

/** @param naming whether a body or query names something by its id */
function problems(route: Route, naming: boolean): Record<string, unknown> {
  const codes = {
    ...COMMON,
    ...(route.access === 'public' ? {} : AUTHENTICATED),
    ...(pathParameters(route.path).length || naming ? { 'not-found': 'not-found' as const } : {}),
    ...(route.versioned && route.method !== 'GET' ? { 'version-mismatch': 'precondition-failed' as const } : {}),
    ...(route.idempotent
      ? { 'idempotency-key-reused': 'invalid' as const, 'request-in-progress': 'conflict' as const }
      : {}),
    ...route.errors,
  };
  const byStatus = new Map<number, string[]>();
  for (const [code, kind] of Object.entries(codes)) {
    const status = statusOf(new AppError(kind, code, ''));
    byStatus.set(status, [...(byStatus.get(status) ?? []), shownCode(code)]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      {
        description: names.map((name) => `\`${name}\``).join(', '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}
