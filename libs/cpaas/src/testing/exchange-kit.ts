/** What every profile of Message Exchange must do. */
import type { MessageExchangePort } from '../exchange/port.js';
import { errorOf } from './kit.js';

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
    it('reports that a number is there already', async () => {
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
