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
/** Sign-in is limited after failures, refreshing needs a cookie, and the socket is no plain request. */
const LEFT_OUT = '^(signIn|refreshSession|endSession|clientSocket)$';
/** Below the ports the system gives to outgoing connections, of which this makes many. */
const PORT_BASE = 29_000;

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

const env = { gateway: { ACCESS_TOKEN_SECONDS: 3600, CLIENT_TOKEN_SECONDS: 3600 } };
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
  const { items } = await (
    await fetch(`${stack.urls.gatewayUrl}/v1/users`, { headers: { authorization: `Bearer ${accessToken}` } })
  ).json();
  const { clientToken } = await post(`/v1/users/${items[0].id}/client-tokens`, accessToken);
  const { accessToken: operatorToken } = await signIn(logins.operator);
  const conforms = (name, token, ...filters) =>
    step(name, 'schemathesis', [
      ...[
        'run',
        url,
        '--checks',
        CHECKS,
        '--phases',
        'examples,coverage,fuzzing',
        '--exclude-operation-id-regex',
        LEFT_OUT,
      ],
      ...['--header', `Authorization: Bearer ${token}`, '--suppress-health-check', 'all', '--no-color'],
      ...['--continue-on-failure', ...filters, ...options],
    ]);
  conforms('client operations', clientToken, '--include-path-regex', '^/v1/client/');
  conforms('dead letters', operatorToken, '--include-path-regex', '^/v1/dead-letters');
  conforms('portal operations', accessToken, '--exclude-path-regex', '^/v1/(client/|dead-letters)');
  console.log(
    failed.length ? `\nNot as promised: ${failed.join(', ')}` : '\nThe document is valid and the API keeps it.',
  );
  return failed.length ? 1 : 0;
});
