import { elevenDigits, type Enablement, type JobView } from '../exchange/book.js';
import type { Fault, FaultInput } from '../faults.js';
import type { JournalEntry, JournalFilter } from '../journal.js';
import { designerUrl, newApplication } from '../restcomm/applications.js';
import { NumberNotKnown, type InboundInput, type InboundResult } from '../restcomm/inbound.js';
import { newNumber } from '../restcomm/numbers.js';
import type { Account, Application, Message, NumberRow } from '../restcomm/types.js';
import { APPLICATION_NAME, DEMO_ACCOUNT } from '../seed.js';
import { changeSwitches, type Switches } from '../switches.js';
import type { WebhookLogEntry } from '../webhooks.js';
import { nationalDigits } from '../wire.js';
import type { World } from '../world.js';
import {
  type AccountInput,
  type AccountView,
  type ApplicationInput,
  type BatchInput,
  type BatchResult,
  ControlError,
  type ExchangeNumberView,
  type MessageFilter,
  type MessageView,
  type NumberInput,
  type StateView,
  type TwinsControl,
} from './api.js';
import { runBatch } from './batch.js';

const sameNumber = (left: string, right: string): boolean => nationalDigits(left) === nationalDigits(right);

/** The control API's work, on the world itself. */
export class LocalControl implements TwinsControl {
  constructor(private readonly world: World) {}

  async putAccount(input: AccountInput): Promise<AccountView> {
    const { restcomm, clock } = this.world;
    const isNew = input.sid === undefined || !restcomm.accounts.has(input.sid);
    const account = restcomm.putAccount(input, clock.now());
    const applications = input.applications ?? (isNew ? [{ friendly_name: APPLICATION_NAME }] : undefined);
    if (applications) {
      for (const app of restcomm.applicationsOf(account.sid)) {
        if (app.account_sid === account.sid) restcomm.applications.delete(app.sid);
      }
      for (const { friendly_name, ...rest } of applications) this.addApplication(account.sid, friendly_name, rest);
    }
    this.world.changed();
    return this.accountView(account);
  }

  async account(sid: string): Promise<AccountView | undefined> {
    const account = this.world.restcomm.accounts.get(sid);
    return account && this.accountView(account);
  }

  async putApplication(accountSid: string, name: string, input: ApplicationInput): Promise<Application> {
    this.mustHaveAccount(accountSid);
    const app = this.applicationNamed(accountSid, name);
    if (!app) return { ...this.addApplication(accountSid, name, input) };
    Object.assign(app, input, { date_updated: this.world.clock.now() });
    this.world.changed();
    return { ...app };
  }

  async deleteApplication(accountSid: string, name: string): Promise<void> {
    this.mustHaveAccount(accountSid);
    for (let app = this.applicationNamed(accountSid, name); app; app = this.applicationNamed(accountSid, name)) {
      this.world.restcomm.applications.delete(app.sid);
    }
    this.world.changed();
  }

  async addFault(fault: FaultInput): Promise<Fault> {
    try {
      return this.world.faults.add(fault);
    } catch (error) {
      throw new ControlError(400, (error as Error).message);
    }
  }

  async faults(): Promise<Fault[]> {
    return this.world.faults.list();
  }

  async clearFaults(id?: string): Promise<void> {
    this.world.faults.clear(id);
  }

  async inbound(message: InboundInput): Promise<InboundResult> {
    try {
      return await this.world.inbound.receive(message);
    } catch (error) {
      if (error instanceof NumberNotKnown) throw new ControlError(404, error.message);
      throw error;
    }
  }

  async inboundBatch(batch: BatchInput): Promise<BatchResult> {
    for (const to of batch.to) {
      if (!this.world.restcomm.findNumber(to, batch.accountSid)) {
        throw new ControlError(404, new NumberNotKnown(to).message);
      }
    }
    if (batch.to.length === 0 || batch.from.length === 0) throw new ControlError(400, 'to and from must not be empty');
    return runBatch(batch, (message) => this.world.inbound.receive(message));
  }

  async clock(change: { advanceMs?: number; freeze?: boolean } = {}): Promise<ReturnType<World['clock']['view']>> {
    const { clock } = this.world;
    if (change.freeze === true) clock.freeze();
    if (change.freeze === false) clock.resume();
    if (change.advanceMs !== undefined) clock.advance(change.advanceMs);
    this.world.changed();
    return clock.view();
  }

  async state(): Promise<StateView> {
    const { restcomm, exchange, lifecycle, webhooks, faults, clock, switches } = this.world;
    return {
      clock: clock.view(),
      switches: { ...switches },
      accounts: [...restcomm.accounts.values()].map((account) => this.accountView(account)),
      numbers: restcomm.numbers.size,
      messages: restcomm.messages.size,
      messagesWaiting: lifecycle.waiting,
      webhooksInFlight: webhooks.inFlight,
      exchangeNumbers: [...exchange.rows.values()].slice(0, 1000).map((row) => exchange.view(row)),
      faults: faults.list(),
    };
  }

  async putNumber({ accountSid, phone_number, ...fields }: NumberInput): Promise<NumberRow> {
    this.mustHaveAccount(accountSid);
    const { restcomm, clock } = this.world;
    const old = restcomm.numbersSpelled(phone_number).find((row) => row.account_sid === accountSid);
    const row = old ?? newNumber(accountSid, phone_number, 'sip', clock.now());
    Object.assign(row, fields);
    if (!old) restcomm.addNumber(row);
    this.world.changed();
    return { ...row };
  }

  async numbers(filter: { accountSid?: string; phone?: string } = {}): Promise<NumberRow[]> {
    return [...this.world.restcomm.numbers.values()]
      .filter(
        (row) =>
          (filter.accountSid === undefined || row.account_sid === filter.accountSid) &&
          (filter.phone === undefined || sameNumber(row.phone_number, filter.phone)),
      )
      .map((row) => ({ ...row }));
  }

  async messages(filter: MessageFilter = {}): Promise<MessageView[]> {
    const found: MessageView[] = [];
    const limit = filter.limit ?? 100;
    for (const message of this.world.restcomm.messages.newestFirst()) {
      if (found.length >= limit) break;
      if (filter.accountSid !== undefined && message.account_sid !== filter.accountSid) continue;
      if (filter.direction !== undefined && !message.direction.startsWith(filter.direction)) continue;
      if (filter.to !== undefined && !sameNumber(message.to, filter.to)) continue;
      if (filter.from !== undefined && !sameNumber(message.from, filter.from)) continue;
      if (message.present) found.push(messageView(message));
    }
    return found;
  }

  async requests(filter: JournalFilter = {}): Promise<JournalEntry[]> {
    return this.world.journal.list(filter, sameNumber);
  }

  async webhooks(filter: { limit?: number; messageSid?: string } = {}): Promise<WebhookLogEntry[]> {
    return this.world.webhooks.list(filter.limit, filter.messageSid);
  }

  async exchangeNumber(number: string, accountSid?: string): Promise<ExchangeNumberView | undefined> {
    const row = this.enablement(elevenDigits(number), accountSid);
    return row && this.exchangeView(row);
  }

  async setExchangeNumber(
    number: string,
    { accountSid, status, reason, jobId }: Parameters<TwinsControl['setExchangeNumber']>[1],
  ): Promise<ExchangeNumberView | undefined> {
    const eleven = elevenDigits(number);
    const row = this.enablement(eleven, accountSid);
    if (status === 'absent') {
      if (row) this.world.exchange.remove(row);
      return undefined;
    }
    const owner = row?.accountSid ?? accountSid ?? DEMO_ACCOUNT.sid;
    this.mustHaveAccount(owner);
    return this.exchangeView(this.world.exchange.set(owner, eleven, { status, reason, jobId }));
  }

  async setExchangeJob(jobId: string, state: Parameters<TwinsControl['setExchangeJob']>[1]): Promise<JobView> {
    const job = this.world.exchange.setJob(jobId, state);
    if (!job) throw new ControlError(404, `No job ${jobId}`);
    return this.world.exchange.jobView(job);
  }

  async switches(change: Partial<Switches> = {}): Promise<Switches> {
    try {
      changeSwitches(this.world.switches, change);
    } catch (error) {
      throw new ControlError(400, (error as Error).message);
    }
    this.world.changed();
    return { ...this.world.switches };
  }

  async reset(): Promise<void> {
    this.world.reset();
  }

  private mustHaveAccount(sid: string): void {
    if (!this.world.restcomm.accounts.has(sid)) throw new ControlError(404, `No account ${sid}`);
  }

  private applicationNamed(accountSid: string, name: string): Application | undefined {
    return this.world.restcomm
      .applicationsOf(accountSid)
      .find((app) => app.friendly_name === name && app.account_sid === accountSid);
  }

  private addApplication(accountSid: string, name: string, input: ApplicationInput): Application {
    const app = newApplication(accountSid, name, this.world.clock.now());
    Object.assign(app, { kind: 'sms', ...input });
    app.rcml_url = input.rcml_url ?? designerUrl(app.sid);
    this.world.restcomm.applications.set(app.sid, app);
    this.world.changed();
    return app;
  }

  private enablement(number: string, accountSid?: string): Enablement | undefined {
    const { rows } = this.world.exchange;
    if (accountSid !== undefined) return rows.get(`${accountSid}/${number}`);
    return [...rows.values()].find((row) => row.number === number);
  }

  private exchangeView(row: Enablement): ExchangeNumberView {
    const { exchange } = this.world;
    const job = row.jobId === null ? undefined : exchange.jobs.get(row.jobId);
    return { ...exchange.view(row), job: job ? exchange.jobView(job) : null };
  }

  private accountView(account: Account): AccountView {
    return {
      sid: account.sid,
      token: account.token,
      email: account.email,
      friendlyName: account.friendly_name,
      status: account.status,
      parentSid: account.parent_sid,
      organizationSid: account.organization_sid,
      meToken: account.me_token,
      applications: this.world.restcomm.applicationsOf(account.sid).map((app) => ({ ...app })),
      numbers: account.numbers.size,
      notifications: account.notifications.slice(-100),
    };
  }
}

function messageView({ status_callback: _callback, present: _present, ...view }: Message): MessageView {
  return view;
}
