import type { StackService } from '../../../tools/setup/stack.ts';
import { Load } from './load.fixtures.js';
import { e2e } from './world.fixtures.js';

const stack = e2e('services', 22_000);

const SERVICES = ['gateway', 'hierarchy', 'provisioning', 'ingestion', 'routing', 'notification'] as const;

describe('a service killed in the middle of its work', () => {
  beforeAll(() => stack.world.settleIn(), 120_000);

  for (const service of SERVICES satisfies readonly StackService[])
    stack.holds(
      `${service}: nothing is lost, nothing is done twice, every number is whole or undone`,
      async (world) => {
        const load = Load.start(world);
        try {
          await load.flows();
          await world.stack.kill9(service);
          await world.leasesRunOut();
          await world.stack.startService(service);
          await load.flows();
          await load.stop();
          await load.arrivedOnce();
        } finally {
          await load.client.stop();
        }
      },
    );

  stack.holds('and every license balance is what its ledger says', async (world) => {
    expect(await world.licenseDifferences()).toEqual([]);
  });
});
