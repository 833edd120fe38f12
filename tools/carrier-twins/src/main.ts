import { optionsFromEnv } from './options.js';
import { startTwins } from './twins.js';

const twins = await startTwins(optionsFromEnv(process.env));
console.log(`carrier twins: ${twins.url}`);
console.log(`  Restcomm          ${twins.restcommUrl}`);
console.log(`  Message Exchange  ${twins.exchangeUrl}  (TeleAPI dialect: ${twins.teleapiUrl})`);
console.log(`  Control           ${twins.url}/control/state`);

const stop = (): void => {
  void twins.stop().then(() => process.exit(0));
};
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
