/**
 * What no client library sends: requests made by hand, with the exact reply to each. The cases are those of the behavior
 * matrix (reference/provisioning-soap-api.md §2.1, §2.5–2.7, §3.5). None of them changes anything or counts as a login attempt.
 */
import { createServer } from 'node:net';
import { hostileCases } from './raw-hostile.mjs';
import { matrixCases } from './raw-matrix.mjs';
import { sender } from './raw-http.mjs';
import { parameterCases } from './raw-parameters.mjs';
import { World } from './raw-world.mjs';

/** A hostile request's answer takes at most this long; the quickest of three tries, as others use the machine too. */
const HOSTILE_MS = 100;

/** @returns `{ passed, failed, skipped }` */
export async function rawCases(target, namespace) {
  const send = sender(target.url);
  const trap = await Trap.open();
  const world = new World(target, namespace, trap.url);
  const failures = [];
  let passed = 0;
  const judge = (name, problem) => {
    if (problem) failures.push(name) && console.log(`  ✗ ${name}\n      ${problem}`);
    else passed += 1;
  };
  for (const [name, request, reply] of [...matrixCases(world), ...parameterCases(world)])
    judge(name, wrongWith(reply, await send(request)));
  let slowest = { ms: 0 };
  for (const [name, request, reply] of hostileCases(world)) {
    let ms = Infinity;
    let problem;
    for (let tries = 0; tries < 3 && (ms > HOSTILE_MS || problem); tries += 1) {
      const since = performance.now();
      problem = wrongWith(reply, await send(request));
      ms = Math.min(ms, performance.now() - since);
    }
    if (ms > slowest.ms) slowest = { ms, name };
    judge(`hostile: ${name}`, problem ?? (ms > HOSTILE_MS ? `took ${ms.toFixed(0)} ms` : undefined));
  }
  judge('after all this the login works', wrongWith(world.ok('Ping'), await send(world.ping())));
  judge('no external entity was fetched', trap.close() > 0 ? 'somebody connected' : undefined);
  console.log(
    `${passed} of ${passed + failures.length} replies as expected; slowest hostile one ${slowest.ms.toFixed(0)} ms (${slowest.name})`,
  );
  return { passed, failed: failures.length, skipped: 0 };
}

function wrongWith({ status, type, body, headers = {} }, actual) {
  if (actual.error) return `no reply: ${actual.error}`;
  const got = `\n      got ${actual.status} ${actual.headers['content-type'] ?? '-'} ${actual.body.slice(0, 700)}`;
  if (actual.status !== status) return `expected ${status}${got}`;
  if (type !== undefined && (actual.headers['content-type'] ?? '') !== type)
    return `expected ${type || 'no type'}${got}`;
  const same = body === undefined || (body instanceof RegExp ? body.test(actual.body) : body === actual.body);
  if (!same) return `expected ${body}${got}`;
  for (const [name, value] of Object.entries(headers))
    if (actual.headers[name] !== value) return `expected ${name}: ${value}, got ${actual.headers[name]}`;
  return undefined;
}

/** Listens where external entities point to. */
class Trap {
  connections = 0;
  static open() {
    const trap = new Trap();
    trap.server = createServer((socket) => {
      trap.connections += 1;
      socket.destroy();
    });
    return new Promise((resolve) => {
      trap.server.listen(0, '127.0.0.1', () => {
        trap.url = `http://127.0.0.1:${trap.server.address().port}/trap`;
        resolve(trap);
      });
    });
  }
  close() {
    this.server.close();
    return this.connections;
  }
}
