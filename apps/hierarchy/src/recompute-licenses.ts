import { environment } from '@strowger/config';
import { Db, openOrm } from '@strowger/persistence';
import { describeLicenseDifference, recomputeLicenses } from './licensing/recompute.js';

/**
 * `DATABASE_URL=… node dist/recompute-licenses.js`: every license balance recomputed from the ledger; prints each
 * difference and leaves with 1 when there is one. Changes nothing.
 */
const databaseUrl = environment['DATABASE_URL'];
if (!databaseUrl) throw new Error('DATABASE_URL is required: the service’s role in its database.');
const service = 'hierarchy';
const orm = await openOrm({ service, databaseUrl, poolSize: 1, entities: [] });
try {
  const found = await recomputeLicenses(new Db(orm, service));
  for (const difference of found) console.log(describeLicenseDifference(difference));
  console.log(
    found.length === 0 ? 'licenses: the ledger and the balances agree' : `licenses: ${found.length} differences`,
  );
  process.exitCode = found.length === 0 ? 0 : 1;
} finally {
  await orm.close();
}
