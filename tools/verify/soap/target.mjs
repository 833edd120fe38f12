/** Which system is called: one that is named, one that runs, or one of our own. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { REPOSITORY } from '../../setup/steps.mjs';
import { withOwnStack } from '../own-stack.mjs';

/** Below the ports the system gives to outgoing connections. */
const PORT_BASE = 29_500;
const READY_FILE = process.env.READY_FILE ?? join(REPOSITORY, '.local/ready.json');
/** Of the demo data. */
const DEMO_HOST = 'demo.example';
/** In each password that is made here and in scenario.json, and nowhere else: no log may have it. */
export const CANARY = 'Kestrel';
const PASSWORD = `verify-${CANARY}-2026`;
const LOOPBACK = ['127.0.0.1', '::1'].map((address) => ({ address }));

/**
 * @typedef Target
 * @property {string} url of the service
 * @property {string} host server host name of a provider that has at least 3 licenses of each product free
 * @property {{ userName: string, password: string }} login
 * @property {((name: string) => Promise<{ userName: string, password: string }>) | undefined} createLogin one that may
 *   get locked; undefined where we can't
 * @property {string | undefined} logs folder of its logs
 * @property {string} about
 */

/** @param work `(target) => exit code` */
export async function withTarget(work) {
  const named = namedTarget();
  if (named) return tidily(named, work);
  const running = await runningTarget();
  if (running) return tidily(running, work);
  execFileSync(process.execPath, [join(REPOSITORY, 'tools/run.mjs'), 'build'], { stdio: 'inherit', cwd: REPOSITORY });
  await withOwnStack(PORT_BASE, {}, async ({ stack, logins }) => {
    const ready = { ...stack.urls, operator: stack.operator, serverHostName: DEMO_HOST, logins };
    return work(await targetOf(ready, 'a system of its own', stack.logDir));
  });
}

async function tidily(target, work) {
  try {
    process.exitCode = await work(target);
  } finally {
    await target.tidy?.();
  }
}

/** From SOAP_URL, SOAP_SERVER_HOST_NAME, SOAP_USER_NAME, SOAP_PASSWORD, and for an account that may get locked SOAP_LOCK_*. */
function namedTarget() {
  const env = process.env;
  if (!env.SOAP_URL) return undefined;
  for (const name of ['SOAP_SERVER_HOST_NAME', 'SOAP_USER_NAME', 'SOAP_PASSWORD'])
    if (!env[name]) throw new Error(`SOAP_URL is set, so ${name} must be too.`);
  return {
    url: env.SOAP_URL,
    host: env.SOAP_SERVER_HOST_NAME,
    login: { userName: env.SOAP_USER_NAME, password: env.SOAP_PASSWORD },
    about: 'SOAP_URL',
  };
}

/** What `npm start` in this folder runs, if it does. */
async function runningTarget() {
  if (!existsSync(READY_FILE)) return undefined;
  const ready = JSON.parse(readFileSync(READY_FILE, 'utf8'));
  if (!ready.logins?.interfaceUser) return undefined;
  const answers = await fetch(`${ready.soapUrl}?WSDL`, { signal: AbortSignal.timeout(3000) }).catch(() => undefined);
  return answers?.ok ? targetOf(ready, READY_FILE, join(dirname(READY_FILE), 'logs')) : undefined;
}

/** @param ready as `.local/ready.json` */
async function targetOf(ready, about, logs) {
  const { gatewayUrl, soapUrl, operator, serverHostName: host, logins } = ready;
  const rest = await Rest.signIn(gatewayUrl, operator);
  const provider = await rest.providerOf(host);
  const created = [];
  const createLogin = async (name) => {
    const body = { userName: name, email: `${name}@verify.example`, password: PASSWORD, addresses: LOOPBACK };
    const { id } = await rest.call('POST', `/v1/system-providers/${provider}/interface-users`, body);
    created.push(id);
    return { userName: name, password: PASSWORD };
  };
  const tidy = async () => {
    // A token lasts minutes.
    const again = await Rest.signIn(gatewayUrl, operator);
    for (const id of created) await again.call('DELETE', `/v1/interface-users/${id}`);
  };
  return { url: soapUrl, host, login: logins.interfaceUser, createLogin, logs, about, tidy };
}

/** The portal's API as the operator, who makes interface users. */
class Rest {
  #url;
  #token;

  static async signIn(url, { email, password }) {
    const rest = new Rest();
    rest.#url = url;
    rest.#token = (await rest.call('POST', '/v1/sessions', { email, password })).accessToken;
    return rest;
  }

  async call(method, path, body) {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        ...(body && { 'content-type': 'application/json' }),
        ...(this.#token && { authorization: `Bearer ${this.#token}` }),
      },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  async providerOf(host) {
    for (let cursor; ;) {
      const page = await this.call('GET', `/v1/system-providers?limit=100${cursor ? `&cursor=${cursor}` : ''}`);
      const found = page.items.find(({ serverHostNames = [] }) =>
        serverHostNames.some((name) => name.toLowerCase() === host.toLowerCase()),
      );
      if (found) return found.id;
      cursor = page.nextCursor;
      if (!cursor) throw new Error(`There is no system provider with the server host name ${host}.`);
    }
  }
}
