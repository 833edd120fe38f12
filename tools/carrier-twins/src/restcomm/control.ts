/** `/control/restcomm/…`: Restcomm from behind, for tests. */
import { type BatchInput, runBatch } from '../control/batch.js';
import { ControlError, type ControlRoutes } from '../control/table.js';
import { sameNumber } from '../wire.js';
import { designerUrl, newApplication } from './applications.js';
import type { InboundInput } from './inbound.js';
import { newNumber } from './numbers.js';
import { APPLICATION_NAME } from './seed.js';
import type { RestcommStore } from './store.js';
import type { Account, AccountStatus, Application, ConnectorMode, Message, Notification, NumberRow } from './types.js';

export interface ApplicationInput {
  /** Null or absent on creation: a Visual Designer path that reaches nobody. */
  rcml_url?: string | null;
  kind?: 'voice' | 'sms' | 'ussd' | null;
  /** With it the application is a Visual Designer project which calls `connector_url` (default `rcml_url`). */
  connector_mode?: ConnectorMode | null;
  connector_url?: string | null;
}

export interface AccountInput {
  /** Absent: a new one. */
  sid?: string;
  token?: string;
  email?: string | null;
  friendlyName?: string;
  status?: AccountStatus;
  parentSid?: string | null;
  /** Accounts of one organization can't register the same number twice; default one of its own. */
  organizationSid?: string;
  /** Null: the account has no Message Exchange. Default `me-<sid>`. */
  meToken?: string | null;
  /** Replaces the account's applications. A new account without this gets `UnitySmsConnector`. */
  applications?: ({ friendly_name: string } & ApplicationInput)[];
}

export interface AccountView {
  sid: string;
  token: string;
  email: string | null;
  friendlyName: string;
  status: AccountStatus;
  parentSid: string | null;
  organizationSid: string;
  meToken: string | null;
  applications: Application[];
  numbers: number;
  notifications: Notification[];
}

/** A number that is already there, with any of its fields. */
export type NumberInput = { accountSid: string; phone_number: string } & Partial<
  Omit<NumberRow, 'sid' | 'account_sid' | 'phone_number'>
>;

export type MessageView = Omit<Message, 'status_callback' | 'present'>;

export interface MessageFilter {
  accountSid?: string;
  direction?: 'inbound' | 'outbound';
  /** Compared by digits, a leading 1 ignored. */
  to?: string;
  from?: string;
  /** Newest first; default 100. */
  limit?: number;
}

export interface RestcommState {
  accounts: AccountView[];
  numbers: number;
  messages: number;
  /** Outbound messages without their last state yet. */
  messagesWaiting: number;
  /** Of every twin. */
  webhooksInFlight: number;
}

export const restcommControl: ControlRoutes<RestcommStore> = {
  'POST accounts': (store, request) => putAccount(store, request.body<AccountInput>()),
  'GET accounts/:sid': (store, request) => accountView(store, accountOf(store, request.param('sid'))),
  'PUT accounts/:sid/applications/:name': (store, request) =>
    putApplication(store, request.param('sid'), request.param('name'), request.body<ApplicationInput>()),
  'DELETE accounts/:sid/applications/:name': (store, request) =>
    deleteApplication(store, request.param('sid'), request.param('name')),
  'POST numbers': (store, request) => putNumber(store, request.body<NumberInput>()),
  'GET numbers': (store, request) => numbers(store, request.text('accountSid'), request.text('phone')),
  'GET messages': (store, request) => {
    const direction = request.text('direction');
    return messages(store, {
      accountSid: request.text('accountSid'),
      direction: direction === 'inbound' || direction === 'outbound' ? direction : undefined,
      to: request.text('to'),
      from: request.text('from'),
      limit: request.integer('limit'),
    });
  },
  'POST inbound': (store, request) => store.inbound.receive(request.body<InboundInput>()),
  'POST inbound/batch': (store, request) => {
    const batch = request.body<BatchInput>();
    for (const to of batch.to) store.inbound.holder(to, batch.accountSid);
    if (batch.to.length === 0 || batch.from.length === 0) throw new ControlError(400, 'to and from must not be empty');
    return runBatch(batch, (message) => store.inbound.receive(message));
  },
};

export const stateOf = (store: RestcommStore): RestcommState => ({
  accounts: accountViews(store),
  numbers: store.numbers.size,
  messages: store.messages.size,
  messagesWaiting: store.lifecycle.waiting,
  webhooksInFlight: store.world.webhooks.inFlight,
});

export const accountViews = (store: RestcommStore): AccountView[] =>
  [...store.accounts.values()].map((account) => accountView(store, account));

/** Throws ControlError 404 when there is no such account. */
export function accountOf(store: RestcommStore, sid: string): Account {
  const account = store.accounts.get(sid);
  if (!account) throw new ControlError(404, `No account ${sid}`);
  return account;
}

function putAccount(store: RestcommStore, input: AccountInput): AccountView {
  const isNew = input.sid === undefined || !store.accounts.has(input.sid);
  const account = store.putAccount(input, store.world.clock.now());
  const applications = input.applications ?? (isNew ? [{ friendly_name: APPLICATION_NAME }] : undefined);
  if (applications) {
    for (const app of store.applicationsOf(account.sid)) {
      if (app.account_sid === account.sid) store.applications.delete(app.sid);
    }
    for (const { friendly_name, ...rest } of applications) addApplication(store, account.sid, friendly_name, rest);
  }
  store.world.changed();
  return accountView(store, account);
}

function putApplication(store: RestcommStore, accountSid: string, name: string, input: ApplicationInput): Application {
  accountOf(store, accountSid);
  const app = applicationNamed(store, accountSid, name);
  if (!app) return { ...addApplication(store, accountSid, name, input) };
  Object.assign(app, input, { date_updated: store.world.clock.now() });
  store.world.changed();
  return { ...app };
}

function deleteApplication(store: RestcommStore, accountSid: string, name: string): void {
  accountOf(store, accountSid);
  for (let app = applicationNamed(store, accountSid, name); app; app = applicationNamed(store, accountSid, name)) {
    store.applications.delete(app.sid);
  }
  store.world.changed();
}

function applicationNamed(store: RestcommStore, accountSid: string, name: string): Application | undefined {
  return store.applicationsOf(accountSid).find((app) => app.friendly_name === name && app.account_sid === accountSid);
}

function addApplication(store: RestcommStore, accountSid: string, name: string, input: ApplicationInput): Application {
  const app = newApplication(accountSid, name, store.world.clock.now());
  Object.assign(app, { kind: 'sms', ...input });
  app.rcml_url = input.rcml_url ?? designerUrl(app.sid);
  store.applications.set(app.sid, app);
  store.world.changed();
  return app;
}

function putNumber(store: RestcommStore, { accountSid, phone_number, ...fields }: NumberInput): NumberRow {
  accountOf(store, accountSid);
  const old = store.numbersSpelled(phone_number).find((row) => row.account_sid === accountSid);
  const row = old ?? newNumber(accountSid, phone_number, 'sip', store.world.clock.now());
  Object.assign(row, fields);
  if (!old) store.addNumber(row);
  store.world.changed();
  return { ...row };
}

function numbers(store: RestcommStore, accountSid?: string, phone?: string): NumberRow[] {
  return [...store.numbers.values()]
    .filter(
      (row) =>
        (accountSid === undefined || row.account_sid === accountSid) &&
        (phone === undefined || sameNumber(row.phone_number, phone)),
    )
    .map((row) => ({ ...row }));
}

export function messages(store: RestcommStore, filter: MessageFilter): MessageView[] {
  const found: MessageView[] = [];
  const limit = filter.limit ?? 100;
  for (const message of store.messages.newestFirst()) {
    if (found.length >= limit) break;
    if (filter.accountSid !== undefined && message.account_sid !== filter.accountSid) continue;
    if (filter.direction !== undefined && !message.direction.startsWith(filter.direction)) continue;
    if (filter.to !== undefined && !sameNumber(message.to, filter.to)) continue;
    if (filter.from !== undefined && !sameNumber(message.from, filter.from)) continue;
    if (message.present) found.push(messageView(message));
  }
  return found;
}

function messageView({ status_callback: _callback, present: _present, ...view }: Message): MessageView {
  return view;
}

function accountView(store: RestcommStore, account: Account): AccountView {
  return {
    sid: account.sid,
    token: account.token,
    email: account.email,
    friendlyName: account.friendly_name,
    status: account.status,
    parentSid: account.parent_sid,
    organizationSid: account.organization_sid,
    meToken: account.me_token,
    applications: store.applicationsOf(account.sid).map((app) => ({ ...app })),
    numbers: account.numbers.size,
    notifications: account.notifications.slice(-100),
  };
}
