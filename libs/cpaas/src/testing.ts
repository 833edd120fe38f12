import { AppError } from '@strowger/kernel';
import { parseHook } from './hooks.js';
import type { CarrierPort, HookRequest, MessageExchangePort, PlatformAccess } from './port.js';

/** A carrier, real or played, as the suite needs it. */
export interface CarrierWorld {
  port: CarrierPort;
  access: PlatformAccess;
  /** The same account with a wrong secret. */
  wrongSecret: PlatformAccess;
  suspended?: PlatformAccess;
  /** Right credentials, but nothing to bind numbers to. */
  withoutApplication?: PlatformAccess;
  /** E.164 of a number nobody holds; another one each time. */
  newNumber(): string;
  /** Settings of a number that was there before us: bound elsewhere, with a voice URL. */
  putForeignNumber(e164: string): Promise<void>;
  /** The next request of this kind gets no answer, with or without its effect. */
  loseAnswer(operation: 'register' | 'send' | 'verify', effect: 'before' | 'after'): Promise<void>;
  /** A message arrives for a number of the account; the id the carrier gave it. */
  receive(message: { from: string; to: string; body: string }): Promise<string>;
  /** Where the carrier posts receipts and messages, and what it has posted so far. */
  hookUrl: string;
  hooks: HookRequest[];
  /** Waits until a hook satisfies it. */
  hook(wanted: (request: HookRequest) => boolean): Promise<HookRequest>;
  close(): Promise<void>;
}

/** The AppError a promise ends with. */
export async function errorOf(promise: Promise<unknown>): Promise<AppError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(AppError);
  return thrown as AppError;
}

/** What every adapter must do, whatever its carrier is like. */
export function conformsToCarrierPort(name: string, start: () => Promise<CarrierWorld>): void {
  describe(`${name} as a carrier`, () => {
    let world: CarrierWorld;
    const remote = '+12015550123';
    beforeAll(async () => {
      world = await start();
    });
    afterAll(async () => {
      await world.close();
    });

    /** A number of ours, found or not, registered and bound. */
    async function provisioned(): Promise<{ e164: string; sid: string }> {
      const e164 = world.newNumber();
      const { sid } = await world.port.registerNumber(world.access, e164);
      await world.port.bindNumber(world.access, sid);
      return { e164, sid };
    }

    describe('verifying', () => {
      it('accepts right credentials', async () => {
        expect(await world.port.verify(world.access)).toMatchObject({ applicationSid: expect.any(String) });
      });
      it('refuses a wrong secret', async () => {
        expect((await errorOf(world.port.verify(world.wrongSecret))).code).toBe('platform-credentials-refused');
      });
      it('tells a suspended account', async () => {
        if (!world.suspended) return;
        expect((await errorOf(world.port.verify(world.suspended))).code).toBe('platform-account-suspended');
      });
      it('tells a missing application', async () => {
        if (!world.withoutApplication) return;
        expect((await errorOf(world.port.verify(world.withoutApplication))).code).toBe('connector-application-missing');
      });
      it('outlives one lost answer', async () => {
        await world.loseAnswer('verify', 'before');
        await expect(world.port.verify(world.access)).resolves.toBeDefined();
      });
    });

    describe('numbers', () => {
      it('finds nothing where nothing is', async () => {
        expect(await world.port.findNumber(world.access, world.newNumber())).toBeNull();
      });
      it('registers, binds, finds and reads a number', async () => {
        const { e164, sid } = await provisioned();
        const { applicationSid } = await world.port.verify(world.access);
        expect(await world.port.findNumber(world.access, e164)).toMatchObject({ sid, applicationSid });
        expect(await world.port.readNumber(world.access, sid)).toMatchObject({ sid, applicationSid });
      });
      it('refuses to register a number twice', async () => {
        const { e164 } = await provisioned();
        expect(await errorOf(world.port.registerNumber(world.access, e164))).toMatchObject({ kind: 'conflict' });
      });
      it('says that a lost registration may have worked, and can look', async () => {
        for (const effect of ['after', 'before'] as const) {
          const e164 = world.newNumber();
          await world.loseAnswer('register', effect);
          expect(await errorOf(world.port.registerNumber(world.access, e164))).toMatchObject({ outcome: 'unknown' });
          expect((await world.port.findNumber(world.access, e164)) !== null).toBe(effect === 'after');
        }
      });
      it('takes over a number that was there, and puts it back as it was', async () => {
        const e164 = world.newNumber();
        await world.putForeignNumber(e164);
        const before = await world.port.findNumber(world.access, e164);
        await world.port.bindNumber(world.access, before!.sid);
        await world.port.restoreNumber(
          world.access,
          before!.sid,
          JSON.parse(JSON.stringify(before!.snapshot)) as never,
        );
        expect(await world.port.readNumber(world.access, before!.sid)).toMatchObject({
          applicationSid: before!.applicationSid,
          snapshot: before!.snapshot,
        });
      });
      it('unbinds a number and leaves it there', async () => {
        const { sid } = await provisioned();
        await world.port.unbindNumber(world.access, sid);
        expect(await world.port.readNumber(world.access, sid)).toMatchObject({ applicationSid: null });
      });
      it('removes a number, twice', async () => {
        const { e164, sid } = await provisioned();
        await world.port.removeNumber(world.access, sid);
        await world.port.removeNumber(world.access, sid);
        expect(await world.port.findNumber(world.access, e164)).toBeNull();
        expect(await world.port.readNumber(world.access, sid)).toBeNull();
      });
      it('tells that a number to bind is gone', async () => {
        const { sid } = await provisioned();
        await world.port.removeNumber(world.access, sid);
        expect(await errorOf(world.port.bindNumber(world.access, sid))).toMatchObject({ kind: 'not-found' });
      });
    });

    describe('messages', () => {
      it.each(['hello', 'façade 你好 😀', 'a+b & c=d % 100?'])('sends %j and reads it back whole', async (body) => {
        const { e164: from } = await provisioned();
        const sent = await world.port.sendMessage(world.access, { from, to: remote, body });
        expect(sent).toMatchObject({ body, truncated: false, carrierMessageId: expect.any(String) });
        expect(await world.port.readMessage(world.access, sent.carrierMessageId)).toMatchObject({
          direction: 'outbound',
          from,
          to: remote,
          text: body,
        });
      });
      it('says that a lost send may have worked, and finds the message if so', async () => {
        const { e164: from } = await provisioned();
        for (const effect of ['before', 'after'] as const) {
          const request = { from, to: remote, body: `lost ${effect}` };
          const since = new Date();
          await world.loseAnswer('send', effect);
          expect(await errorOf(world.port.sendMessage(world.access, request))).toMatchObject({ outcome: 'unknown' });
          const found = await world.port.findSentMessage(world.access, { ...request, since });
          expect(found !== null).toBe(effect === 'after');
        }
      });
      it('does not know a message that is not there', async () => {
        const { e164: from } = await provisioned();
        const sent = await world.port.sendMessage(world.access, { from, to: remote, body: 'x' });
        const other = sent.carrierMessageId.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
        expect(await world.port.readMessage(world.access, other)).toBeNull();
      });
      it('reports receipts to the hook, the last one final', async () => {
        const { e164: from } = await provisioned();
        const { carrierMessageId } = await world.port.sendMessage(world.access, {
          from,
          to: remote,
          body: 'receipt, please',
          statusCallbackUrl: world.hookUrl,
        });
        const final = await world.hook((request) =>
          parseHook(world.port.kind, request).facts.some(
            (fact) =>
              fact.type === 'receipt.received' &&
              fact.carrierMessageId === carrierMessageId &&
              fact.status === 'delivered',
          ),
        );
        expect(parseHook(world.port.kind, final)).toMatchObject({ facts: [{ from, to: remote }] });
      });
    });

    describe('inbound', () => {
      it.each(['hello', 'façade 你好 😀', 'a+b & c=d % 100?'])('posts %j to the hook, readable', async (body) => {
        const { e164: to } = await provisioned();
        const id = await world.receive({ from: remote, to, body });
        const request = await world.hook(({ rawBody, query }) => `${query}${rawBody.toString('latin1')}`.includes(id));
        const parsed = parseHook(world.port.kind, request);
        expect(parsed.facts).toMatchObject([
          {
            type: 'message.received',
            carrierMessageId: id,
            from: remote,
            to,
            text: body,
            carrierAccountId: world.access.accountSid,
          },
        ]);
        expect(parsed.unreadable).toBeUndefined();
      });
      it('is listed for recovery, what is known left out', async () => {
        const { e164: to } = await provisioned();
        const id = await world.receive({ from: remote, to, body: 'again' });
        const listed: string[] = [];
        for await (const message of world.port.listInbound(world.access, { sinceDays: 1 }, () => new Set()))
          if (message.carrierMessageId === id) listed.push(message.text);
        expect(listed).toEqual(['again']);
        const known = (ids: readonly string[]) => new Set(ids);
        for await (const message of world.port.listInbound(world.access, { sinceDays: 1 }, known))
          expect(message).toBeUndefined();
      });
    });
  });
}

/** A message exchange, real or played. */
export interface ExchangeWorld {
  exchange: MessageExchangePort;
  /** With a token nobody gave out. */
  wrongToken: MessageExchangePort;
  newNumber(): string;
  /** Form and digits right, but the exchange refuses it. */
  refusedNumber: string;
  /** Ends a job, as time would. */
  settle(number: string, state: 'enabled' | 'failed', reason?: string): Promise<void>;
  /** The next add gets no answer, with or without its effect. */
  loseAdd(effect: 'before' | 'after'): Promise<void>;
  close(): Promise<void>;
}

/** What every exchange profile must do. That a lookup shows a failure is left out: not every dialect can. */
export function conformsToMessageExchangePort(name: string, start: () => Promise<ExchangeWorld>): void {
  describe(`${name} as a message exchange`, () => {
    let world: ExchangeWorld;
    beforeAll(async () => {
      world = await start();
    });
    afterAll(async () => {
      await world.close();
    });

    it('does not know a new number', async () => {
      expect(await world.exchange.lookup(world.newNumber())).toBeNull();
    });
    it('adds a number, pending under a job, then enabled', async () => {
      const number = world.newNumber();
      const { jobId, state } = await world.exchange.add(number);
      expect({ jobId, state }).toEqual({ jobId: expect.any(String), state: 'pending' });
      expect(await world.exchange.job(jobId!, number)).toMatchObject({ number, state: 'pending' });
      expect(await world.exchange.lookup(number, { jobId })).toMatchObject({ number, state: 'pending', jobId });
      await world.settle(number, 'enabled');
      expect(await world.exchange.job(jobId!, number)).toMatchObject({ state: 'enabled', reason: null });
      expect(await world.exchange.lookup(number, { jobId })).toMatchObject({ state: 'enabled' });
    });
    it('gives the reason of a failed job verbatim', async () => {
      const number = world.newNumber();
      const { jobId } = await world.exchange.add(number);
      await world.settle(number, 'failed', 'Number is a wireless number');
      expect(await world.exchange.job(jobId!, number)).toMatchObject({
        state: 'failed',
        reason: 'Number is a wireless number',
      });
    });
    it('refuses with a reason', async () => {
      const error = await errorOf(world.exchange.add(world.refusedNumber));
      expect(error).toMatchObject({
        code: 'exchange-rejected',
        details: { reason: expect.stringMatching(/invalid/i) },
      });
    });
    it('tells that a number is there already', async () => {
      const number = world.newNumber();
      await world.exchange.add(number);
      expect((await errorOf(world.exchange.add(number))).code).toBe('exchange-already-exists');
    });
    it('refuses a wrong token', async () => {
      expect((await errorOf(world.wrongToken.lookup(world.newNumber()))).code).toBe('exchange-unauthorized');
    });
    it('says that a lost add may have worked, and can look', async () => {
      for (const effect of ['before', 'after'] as const) {
        const number = world.newNumber();
        await world.loseAdd(effect);
        expect(await errorOf(world.exchange.add(number))).toMatchObject({
          code: 'exchange-ambiguous',
          outcome: 'unknown',
        });
        expect((await world.exchange.lookup(number)) !== null).toBe(effect === 'after');
      }
    });
    it('removes a number, twice', async () => {
      const number = world.newNumber();
      await world.exchange.add(number);
      await world.settle(number, 'enabled');
      await world.exchange.remove(number);
      await world.exchange.remove(number);
      expect(await world.exchange.lookup(number)).toBeNull();
    });
    it('checks its token, if it can', async () => {
      await world.exchange.verifyToken?.();
      if (world.wrongToken.verifyToken)
        expect((await errorOf(world.wrongToken.verifyToken())).code).toBe('exchange-unauthorized');
    });
  });
}
