import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeDifference, type LedgerAddresses } from './difference.js';
import { ledger } from './ledger.js';

/**
 * `node tools/ledger/dist/main.js [--ready FILE] [--postgres URL] [--nats URL] [--twins URL] [--mail URL]`: compares
 * the books of the services that run and prints each difference as a line; exit 1 when there is one.
 */
const { values } = parseArgs({
  options: {
    ready: { type: 'string', default: fileURLToPath(new URL('../../../.local/ready.json', import.meta.url)) },
    postgres: { type: 'string' },
    nats: { type: 'string' },
    twins: { type: 'string' },
    mail: { type: 'string' },
  },
});

const ready: Partial<LedgerAddresses> = existsSync(values.ready)
  ? (JSON.parse(readFileSync(values.ready, 'utf8')) as LedgerAddresses)
  : {};
const addresses = {
  postgresUrl: values.postgres ?? ready.postgresUrl,
  natsUrl: values.nats ?? ready.natsUrl,
  twinsUrl: values.twins ?? ready.twinsUrl,
  mailUrl: values.mail ?? ready.mailUrl,
};
const missing = Object.entries(addresses).filter(([, url]) => url === undefined);
if (missing.length > 0) {
  console.error(`Nothing runs here (no ${values.ready}). Start it with npm start, or name the addresses:`);
  console.error(`  missing: ${missing.map(([name]) => name).join(', ')}`);
  process.exitCode = 2;
} else {
  const differences = await ledger(addresses as LedgerAddresses);
  for (const difference of differences) console.log(describeDifference(difference));
  console.error(differences.length === 0 ? 'The books agree.' : `${differences.length} differences.`);
  process.exitCode = differences.length === 0 ? 0 : 1;
}
