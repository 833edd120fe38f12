/**
 * `node tools/verify/openapi.mjs [--max-examples 15] [more schemathesis options]`
 *
 * Is the OpenAPI document valid, and does the API keep what it promises? openapi-spec-validator checks the first,
 * schemathesis the second: it makes requests from the document and compares every answer with it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, VERIFY, withOwnStack } from './own-stack.mjs';

const PACKAGES = ['schemathesis==4.32.5', 'openapi-spec-validator==0.9.0'];
const CHECKS = 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance';
/** Below the ports the system gives to outgoing connections, of which this makes many. */
const PORT_BASE = 26_000;

const bin = join(VERIFY, 'venv/bin');
if (!existsSync(join(bin, 'schemathesis')) || !existsSync(join(bin, 'openapi-spec-validator'))) {
  mkdirSync(VERIFY, { recursive: true });
  run('python3', ['-m', 'venv', 'venv']);
  run(join(bin, 'pip'), ['install', '--quiet', ...PACKAGES]);
}

const given = process.argv.slice(2);
const options = given.some((option) => option.startsWith('--max-examples'))
  ? given
  : ['--max-examples', '15', ...given];

const env = { gateway: { ACCESS_TOKEN_SECONDS: 3600, CLIENT_TOKEN_SECONDS: 3600, WRONG_CREDENTIALS_PER_MINUTE: 0 } };
await withOwnStack(PORT_BASE, env, async ({ stack, logins, post }) => {
  const url = `${stack.urls.gatewayUrl}/openapi.json`;
  const file = join(VERIFY, 'openapi.json');
  const document = await (await fetch(url)).json();
  writeFileSync(file, JSON.stringify(document, null, 2));
  const failed = [];
  const step = (name, command, args) => {
    console.log(`\n=== ${name}`);
    if (spawnSync(join(bin, command), args, { stdio: 'inherit', cwd: VERIFY }).status !== 0) failed.push(name);
  };
  step('document', 'openapi-spec-validator', [file]);

  const signIn = ({ email, password }) => post('/v1/sessions', undefined, { email, password });
  const { accessToken } = await signIn(logins.administrator);
  const get = async (path) =>
    (await fetch(stack.urls.gatewayUrl + path, { headers: { authorization: `Bearer ${accessToken}` } })).json();
  const first = async (path) => {
    const answer = await get(path);
    return (answer.items ?? answer)[0].id;
  };
  const users = await first('/v1/numbers').then(async (id) => (await get(`/v1/numbers/${id}`)).owner.id);
  const { clientToken } = await post(`/v1/users/${users}/client-tokens`, accessToken);
  const { accessToken: operatorToken } = await signIn(logins.operator);
  const { id: messages } = await post('/v1/client/messages', clientToken, { to: '+12015550199', text: 'Hello' });
  const provider = await first('/v1/system-providers');
  /** By path segment: what is there to be read and changed. What is deleted has ids out of thin air. */
  const ids = {
    ...{ users, messages, 'system-providers': provider },
    ...Object.fromEntries(
      await Promise.all(
        ['resellers', 'groups', 'portal-users', 'numbers'].map(async (name) => [name, await first(`/v1/${name}`)]),
      ),
    ),
    platforms: await first(`/v1/system-providers/${provider}/platforms`),
  };
  const config = join(VERIFY, 'schemathesis.toml');
  writeFileSync(config, operationsWithIds(document, ids));
  const conforms = (name, token, ...filters) =>
    step(name, 'schemathesis', [
      ...['--config-file', config, 'run', url, '--checks', CHECKS, '--phases', 'examples,coverage,fuzzing'],
      ...['--header', `Authorization: Bearer ${token}`, '--suppress-health-check', 'all', '--no-color'],
      ...['--continue-on-failure', ...filters, ...options],
    ]);
  conforms('client', clientToken, '--include-path-regex', '^/v1/client/(?!ws$)');
  conforms('operator', operatorToken, '--include-path-regex', '^/v1/(dead-letters|system-providers)');
  conforms('portal', accessToken, '--include-path-regex', '^/v1/(?!client/|dead-letters|sessions)');
  console.log(
    failed.length ? `\nNot as promised: ${failed.join(', ')}` : '\nThe document is valid and the API keeps it.',
  );
  return failed.length ? 1 : 0;
});

/** Configuration of schemathesis that gives operations ids which exist, so that it sees more than 404. */
function operationsWithIds(document, ids) {
  const tables = Object.entries(document.paths).flatMap(([path, methods]) => {
    const known = [...path.matchAll(/([a-z-]+)\/\{(\w+)\}/g)].filter(([, segment]) => ids[segment]);
    const parameters = known.map(([, segment, name]) => `"path.${name}" = "${ids[segment]}"`).join(', ');
    return Object.keys(methods)
      .filter((method) => parameters && method !== 'delete')
      .map(
        (method) =>
          `[[operations]]\ninclude-name = "${method.toUpperCase()} ${path}"\nparameters = { ${parameters} }\n`,
      );
  });
  return tables.join('\n');
}
