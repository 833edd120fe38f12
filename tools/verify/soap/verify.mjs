/** Runs the clients' scenario and the raw cases and prints how each did. Called by run.sh, which installs the clients. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { helpPage } from './browser.mjs';
import { CLIENTS, soapFolder } from './clients.mjs';
import { methodsNotCalled, planOf, wrongWith } from './judge.mjs';
import { actionsOf } from './raw-http.mjs';
import { rawCases } from './raw.mjs';
import { CANARY, withTarget } from './target.mjs';

const TITLES = { soap11: 'SOAP 1.1', soap12: 'SOAP 1.2', form: 'HTTP POST' };
/** No client takes a tenth of it. */
const TIMEOUT_MS = 300_000;
/** Of one run; when one thing is wrong, much of what follows is. */
const MOST_LINES = 12;

const PARTS = [...Object.keys(CLIENTS), 'raw', 'help'];
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !PARTS.includes(name));
if (unknown.length > 0) throw new Error(`Unknown: ${unknown.join(', ')}. There are ${PARTS.join(', ')}.`);
const isWanted = (name) => wanted.length === 0 || wanted.includes(name);

/** One line of the table each: `{ client, how, passed, failed, skipped, seconds }`. */
const rows = [];
const run = Date.now().toString(36);

/** An account that is locked at the end: made for it, or the one that is named for it, which only one run can use. */
let namedLogin = process.env.SOAP_LOCK_USER_NAME && {
  userName: process.env.SOAP_LOCK_USER_NAME,
  password: process.env.SOAP_LOCK_PASSWORD ?? '',
};

await withTarget(async (target) => {
  console.log(`Calling ${target.url} (${target.about}), provider ${target.host}`);
  const wsdl = `${target.url}?WSDL`;
  const text = await (await fetch(wsdl)).text();
  const namespace = /targetNamespace="([^"]+)"/.exec(text)[1];
  const uncalled = methodsNotCalled(text);
  if (uncalled.length > 0) {
    console.log(`  ✗ the scenario calls no ${uncalled.join(', ')}`);
    rows.push({ client: 'scenario', how: 'every method', passed: 0, failed: uncalled.length, skipped: 0, seconds: 0 });
  }
  for (const [name, client] of Object.entries(CLIENTS).filter(([name]) => isWanted(name))) {
    console.log(`\n=== ${client.title}`);
    await runClient({ name, client, target, wsdl, namespace });
  }
  if (isWanted('raw')) await part('requests by hand', 'behavior', () => rawCases(target, namespace));
  if (isWanted('help')) await part('help page', 'in a browser', () => helpPage(target));
  if (target.logs && existsSync(target.logs)) rows.push(logsWithoutPasswords(target));
  return table();
});

/** @param work answers `{ passed, failed, skipped }` */
async function part(client, how, work) {
  console.log(`\n=== ${client}`);
  const since = performance.now();
  const counts = await work().catch((error) => {
    console.log(`  ✗ ${error.stack}`);
    return { passed: 0, failed: 1, skipped: 0 };
  });
  rows.push({ client, how, ...counts, seconds: secondsSince(since) });
}

async function runClient({ name, client, target, wsdl, namespace }) {
  const title = `${client.title} ${said(() => client.version())}`;
  let commandOf;
  try {
    const since = performance.now();
    commandOf = client.prepare(wsdl, namespace);
    console.log(`generated from the WSDL (${secondsSince(since)} s)`);
  } catch (error) {
    console.log(`  ✗ could not be generated: ${error.message}\n${error.stderr ?? ''}`);
    rows.push({ client: title, how: 'generate', passed: 0, failed: 1, skipped: 0, seconds: 0 });
    return;
  }
  for (const { binding, variant = '' } of client.runs) {
    const label = [name, binding, variant].filter(Boolean).join('-');
    const how = TITLES[binding] + (variant && ` (${variant})`);
    const id = `${label.replace('soap', '').replaceAll('-', '')}-${run}`;
    const lock = await lockLogin(target, `verify-${id}`);
    const { steps, skipped } = planOf({ ids: { id, host: target.host }, logins: { main: target.login, lock } });
    const since = performance.now();
    const transcript = played({
      label,
      commandOf,
      steps,
      plan: { binding, variant, url: target.url, wsdl, namespace, actions: actionsOf(namespace) },
    });
    const wrong = steps.flatMap((step, at) => {
      const problem = wrongWith(step, transcript[at], { binding, typed: client.typed });
      return problem ? [`  ✗ ${at + 1}. ${step.name} (${step.call ?? step.unknown}): ${problem}`] : [];
    });
    for (const line of wrong.slice(0, MOST_LINES)) console.log(line);
    if (wrong.length > MOST_LINES) console.log(`  … and ${wrong.length - MOST_LINES} more`);
    for (const step of skipped) console.log(`  – ${step.name}: ${step.reason}`);
    const seconds = secondsSince(since);
    const row = {
      client: title,
      how,
      passed: steps.length - wrong.length,
      failed: wrong.length,
      skipped: skipped.length,
      seconds,
    };
    rows.push(row);
    console.log(`${how}: ${row.passed} of ${steps.length} calls as expected (${seconds} s)`);
  }
}

/** Runs a client; what it says is one line of JSON for each step. */
function played({ label, commandOf, steps, plan }) {
  const file = (kind) => join(soapFolder(), `${label}.${kind}`);
  const calls = steps.map(({ call, args, unknown }) => (unknown ? { unknown } : { call, args }));
  writeFileSync(file('plan.json'), JSON.stringify({ ...plan, steps: calls }, null, 1), { mode: 0o600 });
  writeFileSync(file('transcript'), '');
  try {
    const [command, args] = commandOf(file('plan.json'), file('transcript'));
    const said = execFileSync(command, args, {
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (said.trim()) console.log(said.trim());
  } catch (error) {
    console.log(
      `  ✗ the client failed (${error.status ?? error.code}): ${error.stderr || error.stdout || error.message}`,
    );
  }
  return existsSync(file('transcript'))
    ? readFileSync(file('transcript'), 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];
}

/** Answers nothing where there is none (any more). */
function lockLogin(target, name) {
  if (target.createLogin) return target.createLogin(name);
  const login = namedLogin || undefined;
  namedLogin = undefined;
  return login;
}

/** Every password came with every call; none may be in a log. */
function logsWithoutPasswords({ logs, login }) {
  const since = performance.now();
  const files = readdirSync(logs);
  const leaking = files.filter((file) => {
    const text = readFileSync(join(logs, file), 'utf8');
    return text.includes(CANARY) || text.includes(login.password);
  });
  for (const file of leaking) console.log(`  ✗ ${join(logs, file)} holds a password`);
  const passed = files.length - leaking.length;
  return {
    client: 'logs',
    how: 'no password',
    passed,
    failed: leaking.length,
    skipped: 0,
    seconds: secondsSince(since),
  };
}

function table() {
  const cells = rows.map(({ client, how, passed, failed, skipped, seconds }) => [
    client,
    how,
    failed > 0 ? 'FAIL' : passed > 0 ? 'pass' : 'skip',
    `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
    `${seconds} s`,
  ]);
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  console.log(
    `\n${cells
      .map((row) =>
        row
          .map((cell, column) => cell.padEnd(widths[column]))
          .join('  ')
          .trimEnd(),
      )
      .join('\n')}`,
  );
  const failed = rows.filter((row) => row.failed > 0).length;
  console.log(failed === 0 ? '\nEverything is as expected.' : `\n${failed} of ${rows.length} failed.`);
  return failed === 0 ? 0 : 1;
}

function secondsSince(since) {
  return ((performance.now() - since) / 1000).toFixed(1);
}

function said(version) {
  try {
    return version();
  } catch {
    return '?';
  }
}
