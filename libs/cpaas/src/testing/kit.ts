/** What every carrier must do. Which cases run follows from what the carrier has. */
import type { HookFact } from '@strowger/contracts-ingestion';
import { AppError } from '@strowger/kernel';
import type { Carrier, CarrierAccess, HookRequest } from '../carrier.js';
import { NumberWork } from './number-work.js';

/** A carrier, real or played, as the suite needs it. */
export interface CarrierWorld {
  carrier: Carrier;
  access: CarrierAccess;
  /** The same account with a wrong secret. */
  wrongSecret: CarrierAccess;
  /** What else a platform is refused for, by the code it is refused with. */
  unusable: Readonly<Record<string, CarrierAccess>>;
  /** Another E.164 each time: of a number nobody holds, or, where `registers` is false, of one that is on the account. */
  newNumber(): string;
  /** False where the carrier can't be asked for a number: it is on the account before us and stays there after us. */
  registers?: false;
  /** What the carrier holds for a number because we asked, as comparable data; null when that is nothing. */
  heldFor(e164: string): Promise<unknown>;
  /** False where webhooks are proved by a shared key beside the body, which says nothing about the body. */
  bodyIsProved?: false;

  /**
   * The next request of this kind gets no answer, with or without its effect. `register` is the write that takes a number
   * into use: the first one of provisioning.
   */
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

const REFUSED = new AppError('conflict', 'refused', 'Refused.');
const LOST = new AppError('unavailable', 'lost', 'Lost.', {}, { outcome: 'unknown' });
const TEXTS = ['hello', 'façade 你好 😀', 'a+b & c=d % 100?'];

/**
 * @param carrier what is tested
 * @param start its world, over its twin
 */
export function conformsToCarrierPort(carrier: Carrier, start: () => Promise<CarrierWorld>): void {
  const { label } = carrier.manifest;
  const { steps } = carrier.provisioning;
  const { messages } = carrier;

  describe(`${label} as a carrier`, () => {
    let world: CarrierWorld;
    let createdByUs: boolean;
    const remote = '+12015550123';
    beforeAll(async () => {
      world = await start();
      expect(world.carrier).toBe(carrier);
      createdByUs = world.registers !== false;
    });
    afterAll(() => world.close());

    const work = (e164 = world.newNumber()): NumberWork =>
      new NumberWork(carrier, world.access, { e164, friendlyName: e164.slice(2) }, world.hookUrl);
    async function provisioned(): Promise<string> {
      const one = work();
      await one.run();
      return one.number.e164;
    }
    const factsOf = (request: HookRequest): HookFact[] => carrier.hook.read(request).facts;
    const brings = (request: HookRequest, id: string, type: HookFact['type']): boolean =>
      factsOf(request).some((fact) => fact.type === type && fact.carrierMessageId === id);

    if (carrier.verify) {
      describe('verifying', () => {
        const verify = (access: CarrierAccess) => carrier.verify!(access);
        it('accepts right credentials', async () => {
          expect(await verify(world.access)).toMatchObject({ warnings: [] });
        });
        it('refuses a wrong secret', async () => {
          expect((await errorOf(verify(world.wrongSecret))).code).toBe('platform-credentials-refused');
        });
        it('says what else a platform is refused for', async () => {
          expect(Object.keys(world.unusable)).not.toHaveLength(0);
          for (const [code, access] of Object.entries(world.unusable))
            expect((await errorOf(verify(access))).code).toBe(code);
        });
        it('outlives one lost answer', async () => {
          await world.loseAnswer('verify', 'before');
          await expect(verify(world.access)).resolves.toBeDefined();
        });
      });
    }

    describe('numbers', () => {
      it('provisions a number and takes it off again, twice', async () => {
        const one = work();
        const at = await one.run();
        expect(at).toEqual({ carrierSid: expect.any(String), createdByUs });
        expect(await world.heldFor(one.number.e164)).not.toBeNull();
        await one.release(at!);
        await one.release(at!);
        expect(await world.heldFor(one.number.e164)).toBeNull();
      });
      it('may run each step twice', async () => {
        const e164 = world.newNumber();
        const first = await work(e164).run();
        const again = await work(e164).run();
        expect(again!.carrierSid).toBe(first!.carrierSid);
      });
      it.each(steps.map(({ name }) => name))('leaves nothing behind when it is undone from %s', async (step) => {
        const one = work();
        await one.run(step);
        await one.undo(step, REFUSED);
        expect(await world.heldFor(one.number.e164)).toBeNull();
      });
      it.each(['before', 'after'] as const)('goes on after an answer lost %s the effect', async (effect) => {
        const one = work();
        await world.loseAnswer('register', effect);
        expect(await one.run()).toMatchObject({ createdByUs });
        expect(await world.heldFor(one.number.e164)).not.toBeNull();
      });
      it.each(['before', 'after'] as const)('leaves nothing behind of a step lost %s its effect', async (effect) => {
        const one = work();
        await world.loseAnswer('register', effect);
        const { name, error } = await failingStep(one);
        expect(error).toMatchObject({ outcome: 'unknown' });
        await one.undo(name, LOST);
        expect(await world.heldFor(one.number.e164)).toBeNull();
      });
    });

    /** The first step that fails, run without probes. */
    async function failingStep(one: NumberWork): Promise<{ name: string; error: AppError }> {
      for (const { name, step } of steps)
        try {
          one.output[name] = await step.run({
            access: world.access,
            number: one.number,
            output: one.output,
            webhookUrl: () => Promise.resolve(world.hookUrl),
            lookAgain: () => Promise.resolve(undefined),
          });
        } catch (error) {
          return { name, error: AppError.wrap(error) };
        }
      throw new Error('no step failed');
    }

    describe('messages', () => {
      it.each(TEXTS)('sends %j whole', async (body) => {
        const from = await provisioned();
        const sent = await messages.send(world.access, { from, to: remote, body });
        expect(sent).toMatchObject({ body, truncated: false, carrierMessageId: expect.any(String) });
        if (messages.read)
          expect(await messages.read(world.access, sent.carrierMessageId)).toMatchObject({
            direction: 'outbound',
            from,
            to: remote,
            text: body,
          });
      });
      if (carrier.manifest.longMessages === 'passthrough')
        it('takes a text of several segments as it is', async () => {
          const from = await provisioned();
          const body = 'a long text '.repeat(60);
          expect(await messages.send(world.access, { from, to: remote, body })).toMatchObject({ truncated: false });
        });
      it.each(['before', 'after'] as const)('says that a send lost %s its effect may have worked', async (effect) => {
        const from = await provisioned();
        const request = { from, to: remote, body: `lost ${effect}` };
        const since = new Date();
        await world.loseAnswer('send', effect);
        expect(await errorOf(messages.send(world.access, request))).toMatchObject({ outcome: 'unknown' });
        if (messages.probe)
          expect((await messages.probe(world.access, { ...request, since })) !== null).toBe(effect === 'after');
      });
      if (messages.read)
        it('does not know a message that is not there', async () => {
          const from = await provisioned();
          const sent = await messages.send(world.access, { from, to: remote, body: 'x' });
          const other = sent.carrierMessageId.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
          expect(await messages.read!(world.access, other)).toBeNull();
        });
      if (carrier.receipts)
        it('reports receipts to the hook, the last one final', async () => {
          const from = await provisioned();
          const { carrierMessageId } = await messages.send(world.access, {
            from,
            to: remote,
            body: 'receipt, please',
            statusCallbackUrl: world.hookUrl,
          });
          const final = await world.hook((request) =>
            factsOf(request).some(
              (fact) =>
                fact.type === 'receipt.received' &&
                fact.carrierMessageId === carrierMessageId &&
                carrier.receipts!(fact.status, fact.errorCode).state === 'delivered',
            ),
          );
          const own = factsOf(final).filter((fact) => fact.carrierMessageId === carrierMessageId);
          expect(new Set(own.map((fact) => `${fact.from} to ${fact.to}`))).toEqual(new Set([`${from} to ${remote}`]));
        });
    });

    describe('inbound', () => {
      it.each(TEXTS)('posts %j to the hook, readable', async (body) => {
        const to = await provisioned();
        const id = await world.receive({ from: remote, to, body });
        const request = await world.hook((one) => brings(one, id, 'message.received'));
        const parsed = carrier.hook.read(request);
        expect(parsed.facts.filter((fact) => fact.carrierMessageId === id)).toMatchObject([
          { type: 'message.received', from: remote, to, text: body },
        ]);
        expect(parsed.unreadable).toBeUndefined();
      });
      it.each(['', 'null', '[]', '{', '{"type":7}', '\0\ud800', 'a=b&a=c'])('never throws on %j', (body) => {
        for (const contentType of [undefined, 'application/json', 'application/x-www-form-urlencoded', 'text/plain'])
          for (const method of ['GET', 'POST']) {
            const request = { method, contentType, headers: {}, query: body, rawBody: Buffer.from(body) };
            expect(carrier.hook.read({ ...request, receivedAt: new Date(), account: 'A' }).facts).toEqual([]);
          }
      });
      if (carrier.hook.authentication) {
        const { authentication } = carrier.hook;
        it('proves itself, and nothing that was changed does', async () => {
          const keys = authentication.keys(world.access.credentials);
          const to = await provisioned();
          const id = await world.receive({ from: remote, to, body: 'signed' });
          const request = await world.hook((one) => brings(one, id, 'message.received'));
          expect(authentication.refusal(request, keys)).toBeUndefined();
          expect(authentication.refusal(request, ['an older key', ...keys])).toBeUndefined();
          const rawBody = Buffer.from(request.rawBody);
          rawBody[rawBody.length - 2]! ^= 1;
          const changed = authentication.refusal({ ...request, rawBody }, keys);
          expect(changed === undefined).toBe(world.bodyIsProved === false);
          expect(authentication.refusal({ ...request, headers: {} }, keys)).toEqual(expect.any(String));
          expect(authentication.refusal(request, ['another key'])).toEqual(expect.any(String));
          expect(authentication.refusal(request, [])).toEqual(expect.any(String));
        });
      }
      if (messages.listInbound)
        it('is listed for recovery, what is known left out', async () => {
          const to = await provisioned();
          const id = await world.receive({ from: remote, to, body: 'again' });
          const list = async (known: (ids: readonly string[]) => Set<string>): Promise<string[][]> => {
            const listed: string[][] = [];
            for await (const one of messages.listInbound!(world.access, { sinceDays: 1 }, known))
              listed.push([one.carrierMessageId, one.text]);
            return listed;
          };
          expect(await list(() => new Set())).toContainEqual([id, 'again']);
          expect(await list((ids) => new Set(ids))).toEqual([]);
        });
    });
  });
}
