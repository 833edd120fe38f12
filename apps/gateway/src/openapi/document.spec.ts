import { apiDocument, ROUTES } from '../gateway.js';
import { assertRoutes } from '../routes/route-host.js';

type Operation = {
  operationId: string;
  responses: Record<string, { content?: Record<string, { example?: unknown }> }>;
  requestBody?: { content: Record<string, { example?: unknown }> };
};
const document = apiDocument('http://127.0.0.1:27000') as {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
};
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ line: `${method} ${path}`, ...operation })),
);

it('is OpenAPI 3.1 and names every operation once', () => {
  expect(document.openapi).toBe('3.1.0');
  const ids = operations.map((o) => o.operationId);
  expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
});

it('resolves every reference', () => {
  const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
    ([, name]) => name!,
  );
  expect(references.filter((name) => !(name in document.components.schemas))).toEqual([]);
  expect(references.length).toBeGreaterThan(50);
});

/** Operations outside the route table whose bodies have a schema without an example. */
const WITHOUT_EXAMPLE = new Set([
  'post /v1/sessions',
  'post /v1/sessions/refresh',
  'post /v1/users/{id}/client-tokens',
  'get /v1/me',
]);

it.each(operations.map((o) => [o.line, o] as const))(
  '%s shows an example of all it takes and gives, and its problems',
  (line, operation) => {
    const bodies = [
      ...Object.values(operation.requestBody?.content ?? {}),
      ...Object.entries(operation.responses)
        .filter(([status]) => status.startsWith('2'))
        .flatMap(([, r]) => Object.values(r.content ?? {})),
    ];
    expect(bodies.some((body) => body.example === undefined)).toBe(WITHOUT_EXAMPLE.has(line));
    expect(Object.keys(operation.responses).some((status) => status.startsWith('4'))).toBe(true);
  },
);

it('declares no route twice', () => expect(() => assertRoutes(ROUTES)).not.toThrow());

/** Every schema of the document, with the way to it. */
function* schemasIn(value: unknown, path = ''): Generator<[path: string, schema: Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return;
  yield [path, value as Record<string, unknown>];
  for (const [name, inner] of Object.entries(value)) yield* schemasIn(inner, `${path}/${name}`);
}
const all = [...schemasIn(document)];
const schemaAt = (line: string): { properties: Record<string, unknown>; required: string[] } => {
  const [method, path] = line.split(' ') as [string, string];
  const operation = document.paths[path]![method] as unknown as {
    requestBody: { content: Record<string, { schema: { properties: Record<string, unknown>; required: string[] } }> };
  };
  return operation.requestBody.content['application/json']!.schema;
};

describe('what generators of clients stumble over', () => {
  const where = (wrong: (schema: Record<string, unknown>) => boolean) =>
    all.filter(([, schema]) => wrong(schema)).map(([path]) => path);

  it('is not there: a choice of a date and a time', () => {
    expect(where(({ oneOf }) => JSON.stringify(oneOf ?? '').includes('"date"'))).toEqual([]);
    expect(where(({ format }) => format === 'date')).toEqual([]);
    expect(where(({ format }) => format === 'date-time').length).toBeGreaterThan(90);
  });

  it('is not there: a set of enumerated values', () => {
    const isSet = ({ uniqueItems, items }: Record<string, unknown>) =>
      uniqueItems === true && Object.hasOwn((items ?? {}) as object, 'enum');
    expect(where(isSet)).toEqual([]);
  });

  it('is not there: a reference with a condition beside it', () =>
    expect(where((schema) => schema['$ref'] !== undefined && schema['not'] !== undefined)).toEqual([]));
});

describe('what the server wants', () => {
  it('is in the schemas: quantities, whole switches, states, zones, addresses and cursors', () => {
    expect(schemaAt('post /v1/system-providers/{systemProviderId}/purchases').required).toContain('quantity');
    expect(document.components.schemas['NotificationSwitches']).toMatchObject({ additionalProperties: false });
    expect(document.components.schemas['InterfaceUserAddress']).toMatchObject({
      additionalProperties: false,
      properties: { address: { pattern: expect.any(String) } },
    });
    expect(schemaAt('post /v1/portal-users').properties['timezone']).toMatchObject({
      type: 'string',
      pattern: expect.any(String),
    });
    const parameters = all
      .map(([, schema]) => schema)
      .filter(({ in: place, name }) => place === 'query' && (name === 'cursor' || name === 'state'));
    const loose = parameters.filter(({ schema }) => {
      const { type, pattern, enum: values } = schema as { type: string; pattern?: string; enum?: string[] };
      return type === 'string' && pattern === undefined && values === undefined;
    });
    expect(parameters.length).toBeGreaterThan(30);
    expect(loose).toEqual([]);
  });

  it('is answered as the document says where headers are too large', () => {
    const silent = operations.filter(({ operationId, responses }) => !responses['431'] && operationId === 'listUsers');
    expect(silent).toEqual([]);
  });

  it('is named in the tags', () => {
    const used = new Set(operations.flatMap((operation) => (operation as unknown as { tags: string[] }).tags));
    expect(new Set((document as unknown as { tags: { name: string }[] }).tags.map(({ name }) => name))).toEqual(used);
  });
});
