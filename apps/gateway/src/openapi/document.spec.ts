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
