export { describeDifference, type Accepted, type Difference, type LedgerAddresses } from './difference.js';
export { ledger } from './ledger.js';
