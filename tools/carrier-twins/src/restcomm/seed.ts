import type { TwinsOptions } from '../options.js';
import { designerUrl, newApplication } from './applications.js';
import type { RestcommStore } from './store.js';

/** The application every number is bound to. */
export const APPLICATION_NAME = 'UnitySmsConnector';

const ORGANIZATION = 'OR00000000000000000000000000000001';

/** A working account with the application. Change the application's `rcml_url` through the control API to receive messages. */
export const DEMO_ACCOUNT = {
  sid: 'AC0123456789abcdef0123456789abcdef',
  token: 'fedcba9876543210fedcba9876543210',
  meToken: 'me-demo-0123456789abcdef',
} as const;

/** Credentials are right, the application is missing. */
export const NO_APP_ACCOUNT = {
  sid: 'AC1111111111111111111111111111aaaa',
  token: 'aaaa1111111111111111111111111111',
  meToken: 'me-no-app-1111111111111111',
} as const;

/** Credentials are right, the account is suspended: 403. */
export const SUSPENDED_ACCOUNT = {
  sid: 'AC2222222222222222222222222222bbbb',
  token: 'bbbb2222222222222222222222222222',
  meToken: 'me-suspended-2222222222222222',
} as const;

const ACCOUNTS = [
  { ...DEMO_ACCOUNT, friendlyName: 'Demo', email: 'demo@twins.example', status: 'active', hasApplication: true },
  { ...NO_APP_ACCOUNT, friendlyName: 'Without the application', email: null, status: 'active', hasApplication: false },
  { ...SUSPENDED_ACCOUNT, friendlyName: 'Suspended', email: null, status: 'suspended', hasApplication: true },
].map((account) => ({
  ...account,
  status: account.status as 'active' | 'suspended',
  organizationSid: ORGANIZATION,
}));

export function seed(store: RestcommStore, { rcmlUrl }: TwinsOptions): void {
  const now = store.world.clock.now();
  for (const { hasApplication, ...account } of ACCOUNTS) {
    store.putAccount(account, now);
    if (!hasApplication) continue;
    const app = newApplication(account.sid, APPLICATION_NAME, now);
    app.kind = 'sms';
    app.rcml_url = rcmlUrl ?? designerUrl(app.sid);
    store.applications.set(app.sid, app);
  }
}
