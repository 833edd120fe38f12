import { optionsFromEnv } from './options.js';
import { startTwins } from './twins.js';

const twins = await startTwins(optionsFromEnv(process.env));
console.log(`carrier twins: ${twins.url}`);
for (const [name, url] of Object.entries(twins.addresses)) console.log(`  ${name.padEnd(34)}${url}`);
console.log(`  ${'Control'.padEnd(34)}${twins.url}/control/state`);

const stop = (): void => {
  void twins.stop().then(() => process.exit(0));
};
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
