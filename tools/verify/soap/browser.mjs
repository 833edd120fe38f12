/** The help page in a browser: opened, gone through, its test form filled in and sent. Chromium over its DevTools protocol. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const TIMEOUT_MS = 30_000;

/** @returns `{ passed, failed, skipped }` */
export async function helpPage({ url, login }) {
  const name = NAMES.find((name) => spawnSync(name, ['--version']).status === 0);
  if (!name) {
    console.log(`  – no browser here: install ${NAMES[0]}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  const browser = await Browser.start(name);
  let [passed, failed] = [0, 0];
  const judge = (what, seen, pattern) => {
    if (pattern.test(seen)) passed += 1;
    else console.log(`  ✗ ${what}: expected ${pattern}, got ${seen}`) ?? (failed += 1);
  };
  try {
    const page = await browser.open(url);
    judge(
      'index',
      await page.run('document.body.innerText'),
      /The following operations are supported[\s\S]*AddUserLicense/,
    );
    await page.run(`[...document.links].find((link) => link.innerText === 'Ping').click()`);
    judge(
      'page of Ping',
      await page.until('document.forms.length && document.body.innerText'),
      /To test the operation[\s\S]*SOAP 1\.2/,
    );
    judge(
      'its styles',
      await page.run(`getComputedStyle(document.querySelector('.heading1')).backgroundColor`),
      /rgb\(0, 51, 102\)/,
    );
    await page.run(
      `for (const [name, value] of Object.entries(${JSON.stringify({ loginUserName: login.userName, loginPassword: login.password })})) document.forms[0].elements[name].value = value`,
    );
    await page.run(`document.querySelector('input[type=submit]').click()`);
    const reply = await browser.newest(page);
    judge(
      'what the form answers',
      await reply?.until('document.readyState === "complete" && document.documentElement.textContent'),
      /^\s*true\s*$|<success>true<\/success>/,
    );
  } finally {
    await browser.stop();
  }
  return { passed, failed, skipped: 0 };
}

class Browser {
  static async start(name) {
    const browser = new Browser();
    browser.profile = mkdtempSync(join(tmpdir(), 'strowger-browser-'));
    const options = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-dev-shm-usage'];
    const args = [...options, '--remote-debugging-port=0', `--user-data-dir=${browser.profile}`, 'about:blank'];
    browser.process = spawn(name, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    const address = new Promise((resolve, reject) => {
      browser.process.stderr.on('data', (part) => {
        const found = /DevTools listening on ws:\/\/([^/]+)/.exec((said += part));
        if (found) resolve(found[1]);
      });
      browser.process.once('exit', () => reject(new Error(`${name} ended: ${said}`)));
    });
    browser.address = await address;
    return browser;
  }

  async open(url) {
    const answer = await fetch(`http://${this.address}/json/new?${encodeURIComponent(url)}`, { method: 'PUT' });
    const page = await Page.of(await answer.json());
    await page.until('location.protocol !== "about:" && document.readyState === "complete"');
    return page;
  }

  /** The window that a page has opened. */
  async newest(opener) {
    for (const deadline = Date.now() + TIMEOUT_MS; Date.now() < deadline; await wait(100)) {
      const targets = await (await fetch(`http://${this.address}/json/list`)).json();
      const found = targets.find(({ type, id, url }) => type === 'page' && id !== opener.id && url.endsWith('/Ping'));
      if (found) return Page.of(found);
    }
    return undefined;
  }

  async stop() {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill();
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Page {
  #socket;
  #last = 0;
  #waiting = new Map();

  static async of({ id, webSocketDebuggerUrl }) {
    const page = new Page();
    page.id = id;
    page.#socket = new WebSocket(webSocketDebuggerUrl);
    page.#socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      page.#waiting.get(message.id)?.(message.result);
    };
    await new Promise((resolve, reject) => Object.assign(page.#socket, { onopen: resolve, onerror: reject }));
    return page;
  }

  /** The value of an expression in the page. */
  async run(expression) {
    const id = (this.#last += 1);
    const answer = new Promise((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(
      JSON.stringify({
        id,
        method: 'Runtime.evaluate',
        params: { expression, returnByValue: true, userGesture: true },
      }),
    );
    return (await answer)?.result?.value;
  }

  /** … once it is something. */
  async until(expression) {
    for (const deadline = Date.now() + TIMEOUT_MS; Date.now() < deadline; await wait(100)) {
      const value = await this.run(expression);
      if (value) return value;
    }
    return undefined;
  }
}
