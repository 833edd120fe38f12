import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineTwin, type RunningTwins, startTwins, TWINS } from './index.js';
import { isRecord } from './twin.js';
import { ask } from './twins.fixtures.js';
import { empty, json } from './wire.js';

class Loft {
  readonly letters: string[] = [];
  constructor(private readonly switches: { loud: boolean }) {}

  add(letter: string): void {
    this.letters.push(this.switches.loud ? letter.toUpperCase() : letter);
  }

  clear(): void {
    this.letters.length = 0;
  }
}

/** All that a carrier needs for a twin; nothing else is edited for it. */
const pigeons = defineTwin({
  kind: 'pigeons',
  title: 'Carrier pigeons',
  addresses: { 'Carrier pigeons': '/pigeons' },
  sends: ['letters.reply'],
  routes: {
    '/pigeons/': (loft: Loft, call, path) => ({
      name: 'letters.send',
      number: path,
      refusal: json(403, { error: 'bad weather' }),
      run: () => {
        loft.add(call.body);
        return empty(204);
      },
      vanish: () => loft.clear(),
    }),
  },
  switches: () => ({ loud: false }),
  store: (_world, switches) => new Loft(switches),
  seed: (loft) => loft.add('seeded'),
  control: {
    'GET letters': (loft) => loft.letters,
    'PUT letters/:text': (loft, request) => loft.add(request.param('text')),
  },
  state: (loft) => ({ letters: loft.letters.length }),
  page: ({ letters }) => [{ caption: 'Letters', heads: ['Text'], rows: letters.map((text) => [text]) }],
  snapshot: {
    save: ({ letters }) => ({ letters }),
    restore: (loft, saved) => {
      const letters = isRecord(saved) ? saved['letters'] : [];
      for (const text of Array.isArray(letters) ? letters : []) loft.add(String(text));
    },
  },
});

describe('a twin that a test adds', () => {
  let twins: RunningTwins;

  beforeEach(async () => {
    twins = await startTwins({ twins: [...TWINS, pigeons] });
  });
  afterEach(() => twins.stop());

  const post = (text: string, to = '12015550123') => ask(`${twins.url}/pigeons/${to}`, { method: 'POST', body: text });
  const letters = () => twins.control.call<string[]>('GET', '/pigeons/letters');

  it('answers on its routes, beside the others, and holds what it seeds', async () => {
    expect(twins.addresses).toMatchObject({ 'Carrier pigeons': `${twins.url}/pigeons`, Restcomm: twins.restcommUrl });
    expect((await post('hello')).status).toBe(204);
    expect(await letters()).toEqual(['seeded', 'hello']);
  });

  it('has its control, state and switches below /control/<kind>, over HTTP and in the process', async () => {
    const control = (path: string, init?: RequestInit) => ask(`${twins.url}/control/pigeons${path}`, init);
    expect((await control('/switches')).json).toEqual({ loud: false });
    await twins.control.call('PUT', '/pigeons/switches', { loud: true });
    expect((await control('/letters/from%20behind', { method: 'PUT' })).status).toBe(204);
    expect((await control('/letters')).json).toEqual(['seeded', 'FROM BEHIND']);
    expect((await control('/state')).json).toEqual({ letters: 2 });
    expect((await control('/feathers')).status).toBe(404);
    const wrong = twins.control.call('PUT', '/pigeons/switches', { loud: 'very' });
    await expect(wrong).rejects.toMatchObject({ status: 400, message: "Switch 'loud' is a boolean" });
    expect((await twins.control.overview()).twins).toEqual(['restcomm', 'message-exchange', 'pigeons']);
  });

  it('is hit by faults of its kind only, and may reorder what it sends only', async () => {
    const match = { number: '+1 201 555 0123' };
    await twins.control.addFault({ carrier: 'pigeons', match, do: 'refuse' });
    await twins.control.addFault({ carrier: 'restcomm', match, do: 'refuse' });
    expect([(await post('a')).status, (await post('b')).status]).toEqual([403, 204]);
    await twins.control.addFault({ carrier: 'pigeons', do: 'vanish' });
    await post('c');
    expect(await letters()).toEqual(['c']);
    await expect(twins.control.addFault({ carrier: 'pigeons', do: 'reorder' })).rejects.toThrow("'letters.reply'");
    await expect(twins.control.addFault({ carrier: 'owls', do: 'refuse' })).rejects.toThrow("Unknown carrier 'owls'");
  });

  it('is in the journal', async () => {
    await post('hello');
    expect(await twins.control.requests({ carrier: 'pigeons', number: '2015550123' })).toEqual([
      expect.objectContaining({ carrier: 'pigeons', operation: 'letters.send', body: 'hello', status: 204 }),
    ]);
  });

  it('is as on the first day after a reset', async () => {
    await twins.control.call('PUT', '/pigeons/switches', { loud: true });
    await post('hello');
    await twins.control.reset();
    expect(await letters()).toEqual(['seeded']);
    expect(await twins.control.call('GET', '/pigeons/switches')).toEqual({ loud: false });
  });

  it('shows on the page what it declares', async () => {
    await post('<hello>');
    const { text } = await ask(`${twins.url}/`);
    expect(text).toContain('<h2>Carrier pigeons</h2>');
    expect(text).toContain('<td>&lt;hello&gt;</td>');
  });

  it('comes back from the state file with its switches; without it the file serves the others', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'twins-'));
    const stateFile = join(folder, 'state.json');
    try {
      const before = await startTwins({ twins: [...TWINS, pigeons], stateFile });
      await before.control.call('PUT', '/pigeons/switches', { loud: true });
      await before.control.call('PUT', '/pigeons/letters/kept');
      await before.stop();
      const after = await startTwins({ twins: [...TWINS, pigeons], stateFile });
      expect(await after.control.call('GET', '/pigeons/letters')).toEqual(['SEEDED', 'KEPT']);
      await after.stop();
      const without = await startTwins({ stateFile });
      expect((await without.control.state()).accounts).toHaveLength(3);
      await without.stop();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
