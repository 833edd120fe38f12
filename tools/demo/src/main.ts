import { mkdtempSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { STORY } from './story.js';
import { World, type Addresses } from './world.js';

/** `npm run demo [-- --json]`: the story against the running services; starts them for its own duration where none run. */
const repository = fileURLToPath(new URL('../../..', import.meta.url));
const json = process.argv.includes('--json');

interface Running {
  addresses: Addresses;
  stop(): Promise<void>;
}

async function running(): Promise<Running> {
  const readyFile = join(repository, '.local/ready.json');
  if (existsSync(readyFile)) {
    const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as Addresses;
    const up = await fetch(`${ready.gatewayUrl}/openapi.json`).then(
      (response) => response.ok,
      () => false,
    );
    if (up) return { addresses: ready, stop: async () => undefined };
  }
  const { startStack } = (await import(
    join(repository, 'tools/setup/stack.ts')
  )) as typeof import('../../setup/stack.ts');
  const home = mkdtempSync(join(repository, '.local/demo-'));
  process.stderr.write('No services run here; starting them for the demo …\n');
  const stack = await startStack({ home, portBase: 28_000 });
  const stop = async (): Promise<void> => {
    await stack.stop();
    rmSync(home, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void stop().finally(() => process.exit(130)));
  return { addresses: { ...stack.urls, operator: stack.operator }, stop };
}

const { addresses, stop } = await running();
let failed = 0;
try {
  const world = await World.enter(addresses);
  for (const [id, title, play] of STORY) {
    const startedAt = performance.now();
    let ok = false;
    let evidence: unknown;
    try {
      evidence = await play(world);
      ok = true;
    } catch (error) {
      failed += 1;
      evidence = error instanceof Error ? error.message : String(error);
    }
    const ms = Math.round(performance.now() - startedAt);
    if (json) console.log(JSON.stringify({ step: id, ok, ms, evidence }));
    else {
      console.log(`${ok ? '✓' : '✗'} ${title}  (${ms} ms)`);
      console.log(`    ${id}: ${typeof evidence === 'string' ? evidence : JSON.stringify(evidence)}`);
    }
  }
  await world.leave();
} finally {
  await stop();
}
if (!json)
  console.log(failed ? `\n${failed} of ${STORY.length} steps did not hold.` : `\nAll ${STORY.length} steps hold.`);
process.exitCode = failed ? 1 : 0;
