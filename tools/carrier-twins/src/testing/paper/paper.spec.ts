import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningTwins, startTwins, TWINS } from '../../index.js';
import { paper, PAPER_ACCOUNT, paperClient, type PaperControl, SUSPENDED_PAPER_ACCOUNT } from '../../testing.js';
import { type Answer, ask, type Received, Receiver, until } from '../../twins.fixtures.js';

const OURS = '12015550123';
const REMOTE = '12015550199';

describe('Paper', () => {
  let twins: RunningTwins;
  let control: PaperControl;
  let receiver: Receiver;

  beforeEach(async () => {
    twins = await startTwins({ twins: [...TWINS, paper], sentDelayMs: 1, deliveredDelayMs: 1 });
    control = paperClient(twins.control);
    receiver = await Receiver.start();
    receiver.answer = (response) => response.writeHead(204).end();
    await control.putAccount({ account: PAPER_ACCOUNT.account, webhookUrl: receiver.url });
    await control.switches({ repeatDelayMs: 1 });
  });
  afterEach(async () => {
    await twins.stop();
    await receiver.stop();
  });

  const call = (
    method: string,
    path: string,
    body?: object,
    { apiKey, apiSecret }: { apiKey: string; apiSecret: string } = PAPER_ACCOUNT,
    signal?: AbortSignal,
  ): Promise<Answer> =>
    ask(`${twins.url}/paper/v1${path}`, {
      method,
      headers: { authorization: `Basic ${Buffer.from(`${apiKey}:${apiSecret}`).toString('base64')}` },
      body: body && JSON.stringify(body),
      signal,
    });
  const send = (to = REMOTE, more: object = {}): Promise<Answer> =>
    call('POST', '/messages', { from: OURS, to, text: 'hi', ...more });
  const hold = (webhookUrl?: string): Promise<Answer> => call('PUT', `/numbers/${OURS}`, { webhookUrl });
  const eventOf = ({ raw }: Received) => JSON.parse(raw.toString('utf8'));
  const isSignedUnder = (key: string, { headers, raw }: Received): boolean => {
    const [, seconds, digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-paper-signature'])) ?? [];
    return createHmac('sha256', key).update(`${seconds}.`).update(raw).digest('hex') === digest;
  };
  const ageSeconds = ({ headers }: Received): number =>
    Date.now() / 1000 - Number(/^t=(\d+)/.exec(String(headers['x-paper-signature']))?.[1]);

  describe('API', () => {
    it('knows its accounts by key and secret', async () => {
      const account = await call('GET', '/account');
      expect([account.status, account.json]).toEqual([200, { account: 'PA0001', status: 'active' }]);
      const wrong = await call('GET', '/account', undefined, { ...PAPER_ACCOUNT, apiSecret: 'wrong' });
      expect([wrong.status, wrong.json]).toEqual([401, { error: 'unauthorized' }]);
      const suspended = await call('GET', '/account', undefined, SUSPENDED_PAPER_ACCOUNT);
      expect([suspended.status, suspended.json]).toEqual([403, { error: 'suspended' }]);
      const fresh = await control.putAccount();
      expect((await call('GET', '/account', undefined, fresh)).json).toEqual({ account: 'PA0003', status: 'active' });
    });

    it('takes a number as often as it is put, gives it back once, and never shows it', async () => {
      for (let count = 0; count < 2; count += 1) {
        const put = await call('PUT', `/numbers/${OURS}`, { label: 'front desk' });
        expect([put.status, put.json]).toEqual([200, { number: OURS }]);
      }
      expect(await control.numbers()).toEqual([
        { number: OURS, account: 'PA0001', webhookUrl: null, label: 'front desk' },
      ]);
      expect((await call('GET', `/numbers/${OURS}`)).status).toBe(404);
      expect((await call('GET', '/numbers')).status).toBe(404);
      const deleted = await call('DELETE', `/numbers/${OURS}`);
      expect([deleted.status, deleted.text]).toEqual([204, '']);
      const again = await call('DELETE', `/numbers/${OURS}`);
      expect([again.status, again.json]).toEqual([404, { error: 'not-found' }]);
    });

    it('refuses a number that somebody else holds: another customer, or another account', async () => {
      await control.holdElsewhere(`+${OURS}`);
      const refused = await hold();
      expect([refused.status, refused.json]).toEqual([409, { error: 'held-elsewhere' }]);
      await control.releaseElsewhere(OURS);
      expect((await hold()).status).toBe(200);
      const other = await control.putAccount();
      expect((await call('PUT', `/numbers/${OURS}`, {}, other)).status).toBe(409);
      expect((await call('DELETE', `/numbers/${OURS}`, undefined, other)).status).toBe(404);
    });

    it('takes texts of any length, and lists no messages', async () => {
      const text = 'long '.repeat(2000);
      const sent = await send(REMOTE, { text });
      expect([sent.status, sent.json]).toEqual([202, { id: expect.stringMatching(/^pm-/) }]);
      expect(await control.messages({ direction: 'outbound' })).toMatchObject([{ id: sent.json.id, text }]);
      expect((await call('GET', '/messages')).status).toBe(404);
      expect((await call('GET', `/messages/${sent.json.id}`)).status).toBe(404);
    });

    it.each([
      [{ from: `+${OURS}` }, 'from is not a number'],
      [{ to: 'nobody' }, 'to is not a number'],
      [{ text: undefined }, 'text is missing'],
      [{ to: '12015550400' }, 'blocked'],
    ])('refuses a message with %j', async (more, reason) => {
      const refused = await send(REMOTE, more);
      expect([refused.status, refused.json]).toEqual([400, { error: 'refused', reason }]);
      expect(await control.messages()).toEqual([]);
    });

    it('limits the rate by a scenario or a switch, and says for how long', async () => {
      const limited = await send('12015550429');
      expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '1']);
      expect((await send('12015550429')).status).toBe(202);
      await control.switches({ retryAfterSeconds: 7 });
      expect((await send()).headers.get('retry-after')).toBe('7');
    });
  });

  describe('webhooks', () => {
    it('bring a message, signed under the signing key of the day', async () => {
      await hold();
      const { id, delivered } = await control.inbound({ to: `+${OURS}`, from: `+${REMOTE}`, text: 'héllo' });
      expect(delivered).toBe(true);
      const [hook] = receiver.received;
      expect(eventOf(hook!)).toEqual({ type: 'message', id, account: 'PA0001', from: REMOTE, to: OURS, text: 'héllo' });
      expect(hook!.contentType).toBe('application/json');
      expect(hook!.headers['x-paper-delivery']).toMatch(/^pd-/);
      expect(isSignedUnder(PAPER_ACCOUNT.signingKey, hook!)).toBe(true);
      expect(ageSeconds(hook!)).toBeLessThan(5);

      const { signingKey } = await control.rotateSigningKey('PA0001');
      await control.inbound({ to: OURS, from: REMOTE, text: 'under a new key' });
      expect(isSignedUnder(PAPER_ACCOUNT.signingKey, receiver.received[1]!)).toBe(false);
      expect(isSignedUnder(signingKey, receiver.received[1]!)).toBe(true);
    });

    it('can be signed wrongly, long ago, or not at all', async () => {
      await hold();
      for (const sign of ['wrong', 'old', 'none'] as const) {
        await control.inbound({ to: OURS, from: REMOTE, text: sign, sign });
      }
      const [wrong, old, none] = receiver.received;
      expect(isSignedUnder(PAPER_ACCOUNT.signingKey, wrong!)).toBe(false);
      expect(isSignedUnder(PAPER_ACCOUNT.signingKey, old!)).toBe(true);
      expect(ageSeconds(old!)).toBeGreaterThan(500);
      expect(none!.headers).not.toHaveProperty('x-paper-signature');
    });

    it('are repeated three times while the answer is not 2xx, as the same delivery', async () => {
      await hold();
      receiver.answer = (response) => response.writeHead(503).end();
      const failed = await control.inbound({ to: OURS, from: REMOTE, text: 'hi' });
      expect([failed.delivered, failed.attempts.map(({ status }) => status)]).toEqual([false, [503, 503, 503, 503]]);
      expect(new Set(receiver.received.map(({ headers }) => headers['x-paper-delivery'])).size).toBe(1);
      expect(receiver.received.every((hook) => isSignedUnder(PAPER_ACCOUNT.signingKey, hook))).toBe(true);
    });

    it('can bring the same message twice', async () => {
      await hold();
      const { id } = await control.inbound({ to: OURS, from: REMOTE, text: 'hi', repeat: 2 });
      expect(receiver.received.map((hook) => eventOf(hook).id)).toEqual([id, id]);
    });

    it('go to the URL of the number when it has one', async () => {
      await hold(`${receiver.url}/of-number`);
      await control.inbound({ to: OURS, from: REMOTE, text: 'hi' });
      expect(receiver.received[0]!.url).toBe('/hook/of-number');
    });

    it('need a number that somebody holds, or an account', async () => {
      const message = { to: OURS, from: REMOTE, text: 'hi' };
      await expect(control.inbound(message)).rejects.toMatchObject({ status: 404 });
      expect((await control.inbound({ ...message, account: 'PA0001' })).delivered).toBe(true);
    });
  });

  describe('receipts', () => {
    const receipts = async () =>
      (await receiver.gets(2)).map(eventOf).map(({ type, id, status, code }) => ({ type, id, status, code }));

    it.each([
      [REMOTE, 'delivered', undefined],
      ['12015550004', 'failed', 'unreachable'],
    ])('follow a message to %s by themselves: sent, then %s', async (to, status, code) => {
      const { id } = (await send(to)).json;
      // Each is posted by itself, so on a busy machine the second may overtake the first.
      expect(new Set(await receipts())).toEqual(
        new Set([
          { type: 'receipt', id, status: 'sent' },
          { type: 'receipt', id, status, code },
        ]),
      );
      expect(eventOf(receiver.received[0]!)).toMatchObject({ account: 'PA0001', from: OURS, to });
      expect(await control.messages()).toMatchObject([{ id, status }]);
    });

    it('go to the callback URL of the message', async () => {
      await send(REMOTE, { callbackUrl: `${receiver.url}/of-message` });
      await receiver.gets(2);
      expect(new Set(receiver.received.map(({ url }) => url))).toEqual(new Set(['/hook/of-message']));
    });

    it('are given by hand where the switch says so', async () => {
      await control.switches({ autoReceipts: false });
      const { id } = (await send()).json;
      expect((await control.state()).receiptsWaiting).toBe(0);
      await control.receipt({ id, status: 'failed', code: 'spam', sign: 'wrong' });
      expect(receiver.received.map(eventOf)).toMatchObject([{ id, status: 'failed', code: 'spam' }]);
      expect(isSignedUnder(PAPER_ACCOUNT.signingKey, receiver.received[0]!)).toBe(false);
      await expect(control.receipt({ id: 'pm-0', status: 'sent' })).rejects.toMatchObject({ status: 404 });
    });
  });

  describe('faults and the journal', () => {
    const impatiently = (method: string, path: string, body: object) =>
      call(method, path, body, PAPER_ACCOUNT, AbortSignal.timeout(200));

    it.each([
      ['timeout-before', 0],
      ['timeout-after', 1],
      ['reset-before', 0],
      ['reset-after', 1],
    ] as const)('%s leaves %i number behind', async (kind, left) => {
      await twins.control.addFault({ carrier: 'paper', match: { path: 'numbers.put', number: OURS }, do: kind });
      await expect(impatiently('PUT', `/numbers/${OURS}`, {})).rejects.toThrow();
      expect(await control.numbers()).toHaveLength(left);
    });

    it('refuse, status, delay and vanish', async () => {
      const fault = (
        path: string,
        rest: { do: 'refuse' | 'status' | 'delay' | 'vanish'; status?: number; delayMs?: number },
      ) => twins.control.addFault({ carrier: 'paper', match: { path }, ...rest });
      await fault('numbers.put', { do: 'refuse' });
      expect((await hold()).status).toBe(409);
      await fault('messages.send', { do: 'status', status: 502 });
      expect((await send()).status).toBe(502);
      await fault('messages.send', { do: 'delay', delayMs: 1 });
      expect((await send()).status).toBe(202);
      await hold();
      await fault('numbers.delete', { do: 'vanish' });
      expect((await call('DELETE', `/numbers/${OURS}`)).status).toBe(404);
    });

    it('a webhook can be lost, or come after the next', async () => {
      await hold();
      const match = { path: 'inbound.webhook' };
      await twins.control.addFault({ carrier: 'paper', match, do: 'timeout-before' });
      await twins.control.addFault({ carrier: 'paper', match, do: 'reorder' });
      for (const text of ['lost', 'held back', 'next']) await control.inbound({ to: OURS, from: REMOTE, text });
      expect(receiver.received.map((hook) => eventOf(hook).text)).toEqual(['next', 'held back']);
    });

    it('everything is journaled, without secrets', async () => {
      await hold();
      await send();
      await call('GET', '/account', undefined, { ...PAPER_ACCOUNT, apiSecret: 'wrong' });
      await receiver.gets(2);
      const journal = await twins.control.requests({ carrier: 'paper' });
      expect(journal.map(({ operation, status, accountSid }) => [operation, status, accountSid])).toEqual([
        ['numbers.put', 200, 'PA0001'],
        ['messages.send', 202, 'PA0001'],
        ['account.get', 401, undefined],
      ]);
      const posted = await until(
        () => twins.control.webhooks(),
        (all) => all.length === 2,
      );
      expect(posted).toMatchObject([
        { carrier: 'paper', kind: 'receipt', status: 204 },
        { carrier: 'paper', kind: 'receipt', status: 204 },
      ]);
      const page = await ask(`${twins.url}/`);
      expect(page.text).toContain(OURS);
      for (const secret of [PAPER_ACCOUNT.apiSecret, PAPER_ACCOUNT.signingKey]) {
        expect(JSON.stringify([journal, posted, page.text])).not.toContain(secret);
      }
    });
  });

  it('comes back from the state file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'twins-'));
    const options = { twins: [...TWINS, paper], stateFile: join(folder, 'state.json') };
    try {
      const before = await startTwins(options);
      const { account, signingKey } = await paperClient(before.control).putAccount();
      await paperClient(before.control).holdElsewhere(OURS);
      await before.stop();
      const after = await startTwins(options);
      expect(await paperClient(after.control).account(account)).toMatchObject({ signingKey });
      expect(await paperClient(after.control).state()).toMatchObject({ accounts: 3 });
      await after.stop();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
