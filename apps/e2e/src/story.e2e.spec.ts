import { STORY, World } from '@strowger/demo';
import { e2e } from './world.fixtures.js';

const stack = e2e('story', 50_000);

describe('the story the demo tells', () => {
  let told: World;
  let broken = false;
  beforeAll(async () => {
    told = await World.enter(stack.world.addresses);
  });
  afterAll(() => told?.leave());

  for (const [id, title, tell] of STORY)
    stack.holds(`${id}: ${title}`, async () => {
      // Each step begins where the one before it ended.
      if (broken) throw new Error('a step before this one did not hold');
      broken = true;
      expect(await tell(told)).toBeTruthy();
      broken = false;
    });

  stack.holds('the books agree in the end', async (world) => {
    expect(await world.differences()).toEqual([]);
  });
});
