/**
 * A carrier that is as unlike Restcomm as can be, end to end: signed webhooks, three secrets, numbers that can't be
 * looked up, no list of messages, long texts taken whole. The services are those of production; that they know this
 * carrier at all is one line of Node's options and one line of environment.
 */
import { fileURLToPath } from 'node:url';
import { type Refused, until } from '@strowger/api-client';
import { type RunningTwins, startTwins, TWINS } from '@strowger/carrier-twins';
import { paper, PAPER_ACCOUNT, paperClient, type PaperControl } from '@strowger/carrier-twins/testing';
import type { NumberView, PlatformView, TimelineEntryView } from '@strowger/contracts-provisioning';
import type { AttemptView, MessageView, QuarantinedView } from '@strowger/contracts-routing';
import type { Page } from '@strowger/kernel';
import { FollowingClient } from './client.fixtures.js';
import { e2e, MINUTES } from './world.fixtures.js';

const REGISTER = fileURLToPath(new URL('../../../libs/cpaas/dist/testing/paper/register.js', import.meta.url));
const { account, apiKey, apiSecret, signingKey } = PAPER_ACCOUNT;
const LONG = 'A long text goes out as it is. '.repeat(20).trim();

let twins: RunningTwins;
let carrier: PaperControl;
const stack = e2e('paper', 28_000, async () => {
  twins = await startTwins({ twins: [...TWINS, paper], sentDelayMs: 10, deliveredDelayMs: 10 });
  carrier = paperClient(twins.control);
  return {
    '*': { NODE_OPTIONS: `--import=${REGISTER}` },
    provisioning: { CARRIER_PAPER_BASE_URLS: `${twins.url}/paper/v1` },
    routing: { SEND_PROBE_SECONDS: '1' },
  };
});
afterAll(() => twins?.stop(), MINUTES);

describe('the paper carrier', () => {
  let platform: PlatformView;
  let number: NumberView;
  let client: FollowingClient;
  const remote = '+12015550199';
  beforeAll(async () => {
    await stack.world.settleIn({ number: false });
  }, 2 * MINUTES);
  afterAll(() => client?.stop());

  const create = (credentials: object): Promise<PlatformView> =>
    stack.world.admin.post<PlatformView>(`/v1/system-providers/${stack.world.tenant.provider.id}/platforms`, {
      kind: 'paper',
      credentials,
    });
  const outbound = (id: string): Promise<MessageView> => stack.world.admin.get<MessageView>(`/v1/messages/${id}`);
  const reaches = (id: string, state: string): Promise<MessageView> =>
    until(
      `the text being ${state}`,
      async () => {
        const message = await outbound(id);
        return message.state === state && message;
      },
      MINUTES,
    );
  const send = (text: string): Promise<MessageView> =>
    stack.world.client.post<MessageView>('/v1/client/messages', { from: number.e164, to: remote, text });

  stack.holds('is refused with wrong credentials, named as its own form has them', async () => {
    const wrong = await create({ account, apiKey, apiSecret: 'wrong', signingKey }).catch((error: Refused) => error);
    expect(wrong).toMatchObject({
      problem: {
        status: 400,
        code: 'PLATFORM_CREDENTIALS_REFUSED',
        errors: [{ field: 'credentials.apiKey' }, { field: 'credentials.apiSecret' }],
      },
    });
    const missing = await create({ account, apiKey, apiSecret }).catch((error: Refused) => error);
    expect(missing).toMatchObject({ problem: { errors: [{ field: 'credentials.signingKey', rule: 'required' }] } });
  });

  stack.holds('is connected, its three secrets masked', async () => {
    platform = await create({ account, apiKey, apiSecret, signingKey });
    expect(platform).toMatchObject({ kind: 'paper', name: 'Paper', credentialsState: 'working' });
    expect(Object.keys(platform.credentials)).toEqual(['account', 'apiKey', 'apiSecret', 'signingKey']);
    for (const secret of [apiKey, apiSecret, signingKey]) expect(JSON.stringify(platform)).not.toContain(secret);
    expect(platform.webhookUrl).toContain('/hooks/paper/');
  });

  stack.holds('takes a number, with nothing to enable elsewhere', async (world) => {
    number = await world.admin.post<NumberView>(
      `/v1/users/${world.tenant.user.id}/numbers`,
      { number: world.phone(), platformId: platform.id },
      { prefer: 'wait=20' },
    );
    expect(number).toMatchObject({ state: 'active', enablement: { state: 'not-applicable' } });
    expect(await carrier.numbers()).toEqual([
      expect.objectContaining({ number: number.e164.slice(1), webhookUrl: platform.webhookUrl }),
    ]);
    const timeline = await world.admin.get<TimelineEntryView[]>(`/v1/numbers/${number.id}/timeline`);
    expect(timeline.map(({ event, summary }) => `${event}: ${summary}`)).toContain(
      'provision.putNumber: Put on the platform, its webhook set.',
    );
    expect(JSON.stringify(timeline)).not.toContain(platform.webhookUrl.split('/').at(-1));
    client = new FollowingClient(world.stack.urls.gatewayUrl, world.clientToken);
    await until('routing knowing the number', async () => {
      const known = await world.sql(`select 1 from routing.owned_number where number_id = '${number.id}' and active`);
      return known.length > 0;
    });
  });

  stack.holds('brings a text once, however often it sends it', async () => {
    const sent = await carrier.inbound({ to: number.e164, from: remote, text: 'Signed 👋', repeat: 3 });
    expect(sent.attempts.map(({ status }) => status)).toEqual([204, 204, 204]);
    await until('the text at the client', () => Promise.resolve(client.created.length > 0), MINUTES);
    await carrier.inbound({ to: number.e164, from: remote, text: 'and after it' });
    await until('the next at the client', () => Promise.resolve(client.created.length > 1), MINUTES);
    expect(client.created.map(({ text }) => text)).toEqual(['Signed 👋', 'and after it']);
  });

  stack.holds('is not believed without its signature, and nothing is kept', async (world) => {
    const before = await keptDeliveries(world);
    for (const sign of ['wrong', 'old', 'none'] as const) {
      const forged = await carrier.inbound({ to: number.e164, from: remote, text: `forged ${sign}`, sign });
      expect({ sign, statuses: new Set(forged.attempts.map(({ status }) => status)) }).toEqual({
        sign,
        statuses: new Set([401]),
      });
    }
    // What is genuine and comes after them is through, so they would be, too.
    await carrier.inbound({ to: number.e164, from: remote, text: 'genuine' });
    await until(
      'the genuine one at the client',
      () => Promise.resolve(client.created.some(({ text }) => text === 'genuine')),
      MINUTES,
    );
    expect(client.created.filter(({ text }) => text.startsWith('forged'))).toEqual([]);
    expect(await keptDeliveries(world)).toBe(before + 1);
    const { items } = await world.admin.get<Page<QuarantinedView>>('/v1/quarantine');
    expect(items).toEqual([]);
    const metrics = await (await fetch(`http://127.0.0.1:${world.stack.ports['ingestionOps']}/metrics`)).text();
    for (const reason of ['bad-signature', 'old-signature', 'no-signature'])
      expect(metrics).toMatch(new RegExp(`ingestion_refused_total\\{kind="paper",reason="${reason}"\\} 4`));
  });

  stack.holds('carries a long text in one request, and its receipts move it to the end', async (world) => {
    const { id } = await send(LONG);
    await reaches(id, 'delivered');
    const taken = (await carrier.messages({ direction: 'outbound' })).map(({ text }) => text);
    expect(taken).toEqual([LONG]);
    const attempts = await world.admin.get<AttemptView[]>(`/v1/messages/${id}/attempts`);
    expect(attempts).toHaveLength(1);
  });

  stack.holds('is not asked what happened to a text, for it can’t say; later texts go on', async () => {
    await twins.control.addFault({ carrier: 'paper', match: { path: 'messages.send' }, do: 'timeout-after' });
    const doubtful = await send('Was this one taken?');
    await reaches(doubtful.id, 'submitted-unknown');
    const next = await send('This one is.');
    await reaches(next.id, 'delivered');
    expect((await outbound(doubtful.id)).state).toBe('submitted-unknown');
  });

  stack.holds('lets go of the number, and of the platform', async (world) => {
    await world.release(number.id);
    expect(await carrier.numbers()).toEqual([]);
    await world.admin.delete(`/v1/platforms/${platform.id}`);
    const gone = await carrier.inbound({ account, to: number.e164, from: remote, text: 'too late' });
    expect(gone.delivered).toBe(false);
  });
});

/** Deliveries that ingestion has accepted for the stream. */
async function keptDeliveries(world: typeof stack.world): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${world.stack.ports['ingestionOps']}/metrics`)).text();
  return Number(/^ingestion_accepted_total (\d+)/m.exec(text)?.[1] ?? 0);
}
