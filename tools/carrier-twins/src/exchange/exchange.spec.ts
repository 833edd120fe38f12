import { TwinsWorld } from '../twins.fixtures.js';

const PLAIN = '12012010580';
const withSuffix = (suffix: string): string => `1201201${suffix}`;

describe('Message Exchange', () => {
  let world: TwinsWorld;

  beforeEach(async () => {
    world = await TwinsWorld.start({ jobDelayMs: 600_000 });
    await world.control.clock({ freeze: true });
  });
  afterEach(() => world.stop());

  const lookup = (number: string) => world.exchange('GET', `/numbers/${number}`);
  const tenMinutesPass = () => world.control.clock({ advanceMs: 600_000 });

  describe('§5 canonical profile', () => {
    it('refuses an unknown or revoked token with 401, the forbidden one with 403, and knows its own', async () => {
      const statusWith = async (token: string): Promise<number> =>
        (await world.exchange('GET', '/account', undefined, { authorization: `Bearer ${token}` })).status;
      expect(await statusWith('nobody')).toBe(401);
      expect(await statusWith('revoked')).toBe(401);
      expect(await statusWith('forbidden')).toBe(403);
      expect(await statusWith(world.account.meToken!)).toBe(200);
    });

    it('accepts a number with 202 and a job, pending at first and enabled when its time is up', async () => {
      const added = await world.enable(PLAIN);
      expect(added.status).toBe(202);
      expect(added.json).toEqual({ jobId: expect.any(String), accepted: [PLAIN], rejected: [] });
      const { jobId } = added.json;
      expect((await lookup(PLAIN)).json).toMatchObject({
        number: PLAIN,
        status: 'pending',
        jobId,
        failureReason: null,
      });
      expect((await world.exchange('GET', `/jobs/${jobId}`)).json).toMatchObject({
        status: 'pending',
        completedAt: null,
      });
      await tenMinutesPass();
      expect((await world.exchange('GET', `/jobs/${jobId}`)).json).toMatchObject({
        status: 'completed',
        numbers: [{ number: PLAIN, status: 'enabled', failureReason: null }],
      });
    });

    it('says 404 of an unknown number, 409 of one it has, and rejects parts of a list within a 202', async () => {
      expect((await lookup(PLAIN)).json.error.code).toBe('NOT_FOUND');
      const partly = await world.exchange('POST', '/numbers', { numbers: [PLAIN, '20120105500000'], enableSms: true });
      expect(partly.json.rejected).toEqual([{ number: '20120105500000', reason: 'Invalid numbers' }]);
      const again = await world.enable(PLAIN);
      expect([again.status, again.json.error.code]).toEqual([409, 'ALREADY_EXISTS']);
    });

    it('does not remove a number whose job is under way; afterwards 204, then 404', async () => {
      await world.enable(PLAIN);
      const early = await world.exchange('DELETE', `/numbers/${PLAIN}`);
      expect([early.status, early.json.error.code]).toEqual([409, 'PENDING']);
      await tenMinutesPass();
      expect((await world.exchange('DELETE', `/numbers/${PLAIN}`)).status).toBe(204);
      expect((await world.exchange('DELETE', `/numbers/${PLAIN}`)).status).toBe(404);
      expect((await world.enable(PLAIN)).status).toBe(202);
    });

    it('obeys an Idempotency-Key and echoes X-Request-Id', async () => {
      const headers = { 'idempotency-key': 'k-1', 'x-request-id': 'r-1' };
      const add = () => world.exchange('POST', '/numbers', { numbers: [PLAIN], enableSms: true }, headers);
      const [first, second] = [await add(), await add()];
      expect([second.status, second.json.jobId]).toEqual([202, first.json.jobId]);
      expect(first.headers.get('x-request-id')).toBe('r-1');
    });

    it('keeps the numbers of one account from another', async () => {
      await world.enable(PLAIN);
      const other = await world.control.putAccount({});
      const answer = await world.exchange('GET', `/numbers/${PLAIN}`, undefined, {
        authorization: `Bearer ${other.meToken}`,
      });
      expect(answer.status).toBe(404);
    });
  });

  describe('§8 scenarios', () => {
    it.each([withSuffix('0000'), '20120105500000'])('refuses %s as invalid', async (number) => {
      const answer = await world.enable(number);
      expect(answer.status).toBe(422);
      expect(answer.json).toEqual({
        error: { code: 'INVALID_NUMBERS', message: 'Invalid numbers', numbers: [number] },
      });
    });

    it('0001 is enabled already', async () => {
      expect((await lookup(withSuffix('0001'))).json.status).toBe('enabled');
    });

    it('0002 has failed already, with its reason', async () => {
      expect((await lookup(withSuffix('0002'))).json).toMatchObject({
        status: 'failed',
        failureReason: 'Number is a wireless number',
      });
    });

    it('0003 is pending already, with a job, and is enabled later', async () => {
      expect((await lookup(withSuffix('0003'))).json).toMatchObject({ status: 'pending', jobId: expect.any(String) });
      await tenMinutesPass();
      expect((await lookup(withSuffix('0003'))).json.status).toBe('enabled');
    });

    it('0004 is accepted and its job fails', async () => {
      const { jobId } = (await world.enable(withSuffix('0004'))).json;
      await tenMinutesPass();
      expect((await world.exchange('GET', `/jobs/${jobId}`)).json).toMatchObject({
        status: 'failed',
        failureReason: 'Carrier rejected: number not eligible',
      });
    });

    it('0005 has a completed job with a failed number in it', async () => {
      const { jobId } = (await world.enable(withSuffix('0005'))).json;
      await tenMinutesPass();
      expect((await world.exchange('GET', `/jobs/${jobId}`)).json).toMatchObject({
        status: 'completed',
        failureReason: null,
        numbers: [{ status: 'failed' }],
      });
    });

    it('0006 is unknown at first, exists when added, and is enabled then', async () => {
      const number = withSuffix('0006');
      expect((await lookup(number)).status).toBe(404);
      expect((await world.enable(number)).json.error.code).toBe('ALREADY_EXISTS');
      expect((await lookup(number)).json.status).toBe('enabled');
    });

    it('0007 is added, but nobody hears of it', async () => {
      const number = withSuffix('0007');
      const headers = { authorization: `Bearer ${world.account.meToken}` };
      const body = JSON.stringify({ numbers: [number], enableSms: true });
      const init = { method: 'POST', headers, body, signal: AbortSignal.timeout(200) };
      await expect(fetch(`${world.twins.exchangeUrl}/v1/numbers`, init)).rejects.toThrow();
      expect((await lookup(number)).json.status).toBe('pending');
    });

    it('0008 is unavailable twice, then accepted', async () => {
      const statuses = [];
      for (let count = 0; count < 3; count += 1) statuses.push((await world.enable(withSuffix('0008'))).status);
      expect(statuses).toEqual([503, 503, 202]);
    });

    it('0009 is pending for ever', async () => {
      await world.enable(withSuffix('0009'));
      await world.control.clock({ advanceMs: 30 * 86_400_000 });
      expect((await lookup(withSuffix('0009'))).json.status).toBe('pending');
    });

    it('0010 loses its job, the lookup still answers', async () => {
      const { jobId } = (await world.enable(withSuffix('0010'))).json;
      expect((await world.exchange('GET', `/jobs/${jobId}`)).status).toBe(404);
      await tenMinutesPass();
      expect((await lookup(withSuffix('0010'))).json.status).toBe('enabled');
    });

    it('0011 uses a word of its own while it waits', async () => {
      const { jobId } = (await world.enable(withSuffix('0011'))).json;
      expect((await lookup(withSuffix('0011'))).json.status).toBe('provisioning');
      expect((await world.exchange('GET', `/jobs/${jobId}`)).json.status).toBe('provisioning');
      await tenMinutesPass();
      expect((await lookup(withSuffix('0011'))).json.status).toBe('enabled');
    });

    it('0012 is rate-limited once for five seconds', async () => {
      const limited = await world.enable(withSuffix('0012'));
      expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '5']);
      expect((await world.enable(withSuffix('0012'))).status).toBe(202);
    });
  });

  describe('§6 TeleAPI profile', () => {
    const submit = (...numbers: string[]) =>
      world.teleapi('/dids/offnet/submit', { numbers: JSON.stringify(numbers), enable_sms: 'yes' });
    const status = async (jobid: unknown) =>
      (await world.teleapi('/dids/offnet/status', { jobid: String(jobid) })).json;

    it('answers 200 for everything and puts errors in the body', async () => {
      const answer = await world.teleapi('/user/dids/get', { token: 'nobody', number: '2012010580' });
      expect([answer.status, answer.json]).toEqual([200, { code: 401, status: 'error', error: 'Invalid token' }]);
    });

    it('mixes success and failure in one answer, and alternates job ids between number and string (§3.1)', async () => {
      const first = (await submit('2012010580', '555555555')).json;
      expect(first).toMatchObject({ success: ['2012010580'], fail: { '555555555': 'Invalid USA/CAN number' } });
      const second = (await submit('2012010581')).json;
      expect(new Set([typeof first.jobid, typeof second.jobid])).toEqual(new Set(['number', 'string']));
    });

    it('reports a duplicate as a failure: Number already loaded', async () => {
      await submit('2012010580');
      expect((await submit('2012010580')).json.fail).toEqual({ '2012010580': 'Number already loaded' });
    });

    it('reports a job by a status word, and its failure by code 500', async () => {
      const good = (await submit('2012010580')).json.jobid;
      const bad = (await submit('2012010004')).json.jobid;
      expect((await status(good)).status).toBe('pending');
      await tenMinutesPass();
      expect((await status(good)).status).toBe('success');
      expect(await status(bad)).toEqual({ code: 500, status: 'error', error: 'Carrier rejected: number not eligible' });
    });

    it('shows a number’s record in strings, without a failed state, and removes it', async () => {
      await submit('2012010580');
      const get = async () => (await world.teleapi('/user/dids/get', { number: '2012010580' })).json;
      expect((await get()).data).toMatchObject({ number: '2012010580', npa: '201', sms_enabled: '0' });
      await tenMinutesPass();
      expect((await get()).data.sms_enabled).toBe('1');
      await world.teleapi('/user/dids/remove', { did_number: '2012010580' });
      expect((await get()).status).toBe('error');
    });

    it('can answer a submit in the shape seen in the wild', async () => {
      await world.control.exchangeSwitches({ teleapiSubmit: 'wild' });
      expect((await submit('2012010580')).json).toEqual({
        code: 200,
        status: 'success',
        data: { jobid: expect.any(String) },
      });
    });
  });
});
