import { Load } from './load.fixtures.js';
import { e2e, type ServerName } from './world.fixtures.js';

const stack = e2e('servers', 23_000);

const FAULTS = [
  ['NATS', 'stop'],
  ['NATS', 'kill9'],
  ['PostgreSQL', 'stop'],
  ['PostgreSQL', 'kill9'],
  ['Redis', 'stop'],
  ['Redis', 'kill9'],
] as const;
const NAMES = ['NATS', 'PostgreSQL', 'Redis'] as const satisfies readonly ServerName[];

const ONLY_INBOUND = { sends: 0, numbers: 0 };

describe('a server away under load', () => {
  beforeAll(() => stack.world.settleIn(), 120_000);

  for (const [name, how] of FAULTS)
    stack.holds(
      `${name} (${how}): carriers are answered all the while, and everything comes out once`,
      async (world) => {
        const load = Load.start(world);
        try {
          await load.flows();
          await world.server(name)[how]();
          await load.flows(ONLY_INBOUND);
          await world.server(name).start();
          await load.flows();
          await load.stop();
          expect(load.refusals).toEqual([]);
          await load.arrivedOnce();
        } finally {
          await load.client.stop();
        }
      },
    );

  stack.holds('all three stopped: ingestion goes on answering 2xx, then drains once, in order', async (world) => {
    const load = Load.start(world);
    try {
      await load.flows();
      await Promise.all(NAMES.map((name) => world.server(name).stop()));
      await load.flows({ ...ONLY_INBOUND, inbound: 300 });
      await Promise.all(NAMES.map((name) => world.server(name).start()));
      await load.flows();
      await load.stop();
      expect(load.refusals).toEqual([]);
      await load.arrivedOnce();
    } finally {
      await load.client.stop();
    }
  });

  stack.holds('and every license balance is what its ledger says', async (world) => {
    expect(await world.licenseDifferences()).toEqual([]);
  });
});
