/**
 * What happens in an installation before it is recorded: tenants that are at rest, then a load that is cut off while
 * texts are on their way, numbers are between two steps and facts have not been published. `truths` is what must hold
 * for it later, whichever program takes it over.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { inDatabase, withClient } from '../../setup/database.ts';
import { WITH_DATABASE } from '../../setup/service-env.ts';

const PRO = { application: 'UnityDesktop', licenseType: 'Pro' };
const HOST_NAME = 'north.example';
const MINUTE = 60_000;
const word = () => randomBytes(9).toString('base64url');

export class Situation {
  #stack;
  #tools;
  #say;
  #twins;
  #operator;
  #admin;
  #platforms = {};
  #users = {};
  #phones = 0;
  #lanes = [];
  #stopping = false;
  #sending = true;
  #locks = [];
  stoppedAt;
  truths = {
    tenant: undefined,
    platforms: [],
    users: [],
    /** Texts that carriers were answered 2xx for, each thread in its order. */
    threads: [],
    /** Texts of users that were accepted, each conversation in its order, with the parts the recorded version sends. */
    conversations: [],
    /** Sends that nobody answered: their clients repeat them under the same key. */
    unanswered: [],
    /** Answered sends, to be repeated all the same. */
    answered: [],
    /** What each number comes to. */
    numbers: [],
  };

  constructor(stack, tools, say) {
    this.#stack = stack;
    this.#tools = tools;
    this.#say = say;
    this.#twins = new tools.TwinsClient(stack.urls.twinsUrl);
  }

  /** Tenants, platforms, people, licenses and numbers, with nothing under way. */
  async atRest() {
    const { PortalApi } = this.#tools;
    const { gatewayUrl } = this.#stack.urls;
    const { email, password } = this.#stack.operator;
    const operator = (this.#operator = await PortalApi.signIn(gatewayUrl, email, password));
    const provider = await operator.post('/v1/system-providers', { name: 'North', serverHostNames: [HOST_NAME] });
    const path = `/v1/system-providers/${provider.id}`;
    const login = { email: 'admin@north.example', password: word() };
    await operator.post('/v1/portal-users', {
      ...login,
      level: 'system-provider',
      nodeId: provider.id,
      name: 'Nora North',
      role: 'administrator',
      notifications: { technicalEmails: true, alerts: true, invoicesAndReceipts: false, licenseExpiryAlerts: false },
    });
    await operator.put(`${path}/purchases/${PRO.application}/${PRO.licenseType}`, { quantity: 20 });
    const endsAt = new Date(Date.now() + 90 * 86_400_000).toISOString();
    await operator.post(`${path}/purchases`, { ...PRO, quantity: 5, endsAt, reference: 'for a term' });
    const robot = await operator.post(`${path}/interface-users`, {
      userName: 'robot.north',
      email: 'robot@north.example',
      addresses: [{ address: '127.0.0.1' }],
    });
    const admin = (this.#admin = await PortalApi.signIn(gatewayUrl, login.email, login.password));
    const session = await fetch(`${gatewayUrl}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(login),
    });
    const [cookie] = session.headers.getSetCookie();
    const apiKey = await admin.post('/v1/api-keys', {
      level: 'system-provider',
      nodeId: provider.id,
      name: 'sync',
      permissions: ['read'],
    });
    const reseller = await admin.post(`${path}/resellers`, { key: 'acme', name: 'Acme', kind: 'enterprise' });
    await admin.post(`/v1/resellers/${reseller.id}/sub-purchases`, { ...PRO, quantity: 10 });
    const group = await admin.post(`/v1/resellers/${reseller.id}/groups`, { key: 'hq', name: 'Headquarters' });
    this.truths.tenant = {
      providerId: provider.id,
      groupId: group.id,
      admin: login,
      cookie: cookie.split(';')[0],
      apiKey: apiKey.key,
      robot: { userName: robot.userName, password: robot.password, serverHostName: HOST_NAME },
    };
    const products = await admin.get('/v1/products');
    const other = products.find(({ application }) => application !== PRO.application);
    await operator.put(`${path}/purchases/${other.application}/${encodeURIComponent(other.licenseType)}`, {
      quantity: 3,
    });

    await this.#platform('canonical', { ratePerSecond: 200 }, { exchange: true });
    await this.#platform('plain', { ratePerSecond: 200 }, { exchange: false });
    await this.#platform('teleapi', { ratePerSecond: 200, messageExchangeProfile: 'teleapi' }, { exchange: true });
    for (const [name, platform, licensed] of [
      ['ann', 'canonical', true],
      ['bob', 'plain', true],
      ['cyd', 'canonical', false],
      ['dee', 'teleapi', true],
    ]) {
      const user = await this.#user(name, group.id);
      if (licensed) await this.#license(user);
      user.number = await this.#activeNumber(user, platform);
    }
    await this.#webhooks();
    await this.#earlierTexts();
    await this.#endedNumbers();
    this.#say('At rest');
  }

  async inTheMiddle() {
    this.#startInbound();
    this.#startOutbound();
    await this.#accepted(80);
    await this.#sendsThatHang();
    await this.#refusedMail();
    this.#say('Routing dies under load');
    await this.#stack.kill9('routing');
    await this.#accepted(60);
    await this.#factsThatWait();
    await this.#numbersThatHang();
    this.#say('NATS dies under load');
    await this.#stack.servers.find(({ name }) => name === 'NATS').kill9();
    await this.#accepted(60);
    this.#stopping = true;
    await Promise.all(this.#lanes);
    for (const service of ['gateway', 'provisioning', 'hierarchy', 'notification']) await this.#stack.kill9(service);
    await this.#stack.stopService('carrier-twins');
    await this.#stack.kill9('ingestion');
    await this.#stack.stopService('mail-sink');
    await Promise.all(this.#locks.map((unlock) => unlock()));
    this.stoppedAt = new Date();
  }

  // Tenants

  async #platform(name, given, { exchange }) {
    const account = await this.#twins.putAccount(exchange ? {} : { meToken: null });
    const credentials = { account: account.sid, secret: account.token };
    if (exchange) credentials.messageExchangeToken = account.meToken;
    const view = await this.#admin.post(`/v1/system-providers/${this.truths.tenant.providerId}/platforms`, {
      kind: 'restcomm',
      name,
      ...credentials,
      ...given,
    });
    await this.#application(account.sid, view.webhookUrl);
    const platform = { id: view.id, name, ...credentials, webhookUrls: [view.webhookUrl] };
    this.truths.platforms.push(platform);
    this.#platforms[name] = platform;
  }

  #application(sid, rcmlUrl) {
    return this.#twins.putApplication(sid, this.#tools.APPLICATION_NAME, { rcml_url: rcmlUrl });
  }

  async #user(name, groupId) {
    const { id } = await this.#admin.post(`/v1/groups/${groupId}/users`, {
      broadworksUserId: `${name}@north.example`,
      name,
    });
    const user = { id, name };
    this.truths.users.push(user);
    this.#users[name] = user;
    return user;
  }

  async #license(user) {
    await this.#admin.post(`/v1/users/${user.id}/licenses`, PRO);
    user.licensed = true;
  }

  async #clientOf(user) {
    const { clientToken } = await this.#admin.post(`/v1/users/${user.id}/client-tokens`);
    return this.#admin.as(clientToken);
  }

  /** Where the old address is still good for a while. */
  async #webhooks() {
    const platform = this.#platforms.plain;
    const { webhookUrl } = await this.#admin.post(`/v1/platforms/${platform.id}/rotate-webhook`);
    platform.webhookUrls.push(webhookUrl);
    await this.#application(platform.account, webhookUrl);
  }

  // Numbers

  /** Ten digits nobody has used here; the last four choose what the twin does, `1xxx` nothing out of the ordinary. */
  #phone(suffix) {
    this.#phones += 1;
    return `201${230 + this.#phones}${suffix ?? 1000 + this.#phones}`;
  }

  /** The answer, or the operation where there is none yet. */
  #assign(user, platform, ten) {
    return this.#admin.post(
      `/v1/users/${user.id}/numbers`,
      { number: ten, platformId: this.#platforms[platform].id },
      { prefer: 'wait=0' },
    );
  }

  /** Answered at once, whatever comes of it. */
  async #release(id) {
    const response = await fetch(`${this.#stack.urls.gatewayUrl}/v1/numbers/${id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${this.#admin.token}`, prefer: 'wait=0' },
    });
    if (!response.ok) throw new Error(`Releasing ${id}: ${response.status} ${await response.text()}`);
  }

  async #numberId(ten) {
    const [row] = await this.#sql(
      `select id from provisioning.cpaas_number where e164 = '+1${ten}' order by created_at desc limit 1`,
    );
    return row?.id;
  }

  #state(ten, ...wanted) {
    return this.#tools.until(
      `${ten} being ${wanted.join(' or ')}`,
      async () => {
        const [row] = await this.#sql(
          `select id, e164, state from provisioning.cpaas_number where e164 = '+1${ten}' order by created_at desc limit 1`,
        );
        return row && wanted.includes(row.state) && row;
      },
      MINUTE,
    );
  }

  async #activeNumber(user, platform) {
    const ten = this.#phone();
    await this.#assign(user, platform, ten);
    const { id } = await this.#state(ten, 'active');
    await this.#tools.until('routing knowing the number', async () => {
      const known = await this.#sql(`select 1 from routing.owned_number where number_id = '${id}' and active`);
      return known.length > 0;
    });
    this.#expect(ten, platform, 'active');
    return { id, e164: `+1${ten}`, platform };
  }

  #expect(ten, platform, becomes, from = becomes) {
    this.truths.numbers.push({ ten, platform, from, becomes });
  }

  /** Numbers whose story is over, well or badly, and one nobody could clean up after. */
  async #endedNumbers() {
    const { ann } = this.#users;
    const refused = this.#phone('0000');
    await this.#assign(ann, 'canonical', refused);
    await this.#state(refused, 'released');
    this.#expect(refused, 'canonical', 'released');
    const failed = this.#phone('0005');
    await this.#assign(ann, 'canonical', failed);
    await this.#state(failed, 'failed');
    this.#expect(failed, 'canonical', 'failed');
    const released = this.#phone();
    await this.#assign(ann, 'canonical', released);
    await this.#release((await this.#state(released, 'active')).id);
    await this.#state(released, 'released');
    this.#expect(released, 'canonical', 'released');
    const stuck = this.#phone('0000');
    await this.#fault('restcomm', 'numbers.delete', stuck, 'status', { status: 500, times: 1000 });
    await this.#assign(ann, 'canonical', stuck);
    await this.#state(stuck, 'cleanup-required');
    this.#expect(stuck, 'canonical', 'released', 'cleanup-required');
  }

  async #fault(carrier, path, number, what, more = {}) {
    return this.#twins.addFault({ carrier, match: { path, number: `1${number}` }, do: what, ...more });
  }

  async #hit(fault, times = 1) {
    await this.#tools.until(`${fault.do} at ${fault.match.path} for ${fault.match.number}`, async () => {
      const { hits } = (await this.#twins.faults()).find(({ id }) => id === fault.id);
      return hits >= times;
    });
  }

  /** Each carrier call of the sagas, begun and never answered: once heard by the carrier, once not. */
  async #numbersThatHang() {
    const { ann, bob, dee } = this.#users;
    const hung = [];
    const hang = async (user, platform, [carrier, path, what], becomes = 'active', ten = this.#phone()) => {
      hung.push(await this.#fault(carrier, path, ten, what));
      await this.#assign(user, platform, ten);
      this.#expect(ten, platform, becomes, `${path}, ${what}`);
    };
    const there = async () => {
      const ten = this.#phone();
      await this.#twins.putNumber({
        accountSid: this.#platforms.canonical.account,
        phone_number: `1${ten}`,
        friendly_name: 'Front desk',
        sms_url: 'https://elsewhere.example/sms',
      });
      return ten;
    };
    await hang(ann, 'canonical', ['restcomm', 'numbers.list', 'timeout-before']);
    await hang(ann, 'canonical', ['restcomm', 'numbers.create', 'timeout-before']);
    await hang(ann, 'canonical', ['restcomm', 'numbers.create', 'timeout-after']);
    await hang(ann, 'canonical', ['restcomm', 'numbers.get', 'timeout-before']);
    await hang(ann, 'canonical', ['restcomm', 'numbers.update', 'timeout-before'], 'active', await there());
    await hang(ann, 'canonical', ['restcomm', 'numbers.update', 'timeout-after'], 'active', await there());
    await hang(ann, 'canonical', ['message-exchange', 'exchange.lookup', 'timeout-before']);
    await hang(ann, 'canonical', ['message-exchange', 'exchange.add', 'timeout-before']);
    await hang(ann, 'canonical', ['message-exchange', 'exchange.add', 'timeout-after']);
    await hang(bob, 'plain', ['restcomm', 'numbers.create', 'timeout-after']);
    await hang(dee, 'teleapi', ['message-exchange', 'exchange.add', 'timeout-after']);
    // Refused by Message Exchange, then taken off the platform again: in the middle of that.
    await hang(ann, 'canonical', ['restcomm', 'numbers.delete', 'timeout-before'], 'released', this.#phone('0000'));
    // Releases in the middle.
    for (const [ten, what] of this.#toRelease) {
      hung.push(await this.#fault('restcomm', 'numbers.delete', ten, what));
      await this.#release(await this.#numberId(ten));
      this.#expect(ten, 'canonical', 'released', `releasing, numbers.delete, ${what}`);
    }
    await Promise.all(hung.map((fault) => this.#hit(fault)));
  }
  #toRelease = [];

  // Texts

  #accepted(more) {
    const count = () => this.truths.threads.reduce((sum, { texts }) => sum + texts.length, 0);
    const goal = count() + more;
    return this.#tools.until(`${more} more texts accepted`, async () => count() >= goal, MINUTE);
  }

  #lane(work) {
    const lane = work();
    // Seen at the end; until then nobody waits for it.
    lane.catch(() => undefined);
    this.#lanes.push(lane);
  }

  #thread(user, remote) {
    const { e164, platform } = user.number;
    const thread = { userId: user.id, number: e164, remote: `+${remote}`, platform, texts: [] };
    this.truths.threads.push(thread);
    return thread;
  }

  /** As the carrier posts it: again until it is answered 2xx. */
  async #post(thread, text) {
    const { account, webhookUrls } = this.#platforms[thread.platform];
    const carrierMessageId = `SM${randomBytes(16).toString('hex')}`;
    const body = new URLSearchParams({
      SmsSid: carrierMessageId,
      AccountSid: account,
      From: thread.remote.slice(1),
      To: thread.number.slice(1),
      Body: text,
    });
    const url = webhookUrls[thread.texts.length % webhookUrls.length];
    await this.#tools.until(`a webhook answered 2xx for ${text}`, async () => {
      const response = await fetch(url, { method: 'POST', body }).catch(() => undefined);
      return response?.ok;
    });
    thread.texts.push({ carrierMessageId, text });
  }

  #startInbound() {
    const { ann, bob, cyd, dee } = this.#users;
    for (const [at, user] of [ann, ann, ann, bob, bob, cyd, dee].entries()) {
      const thread = this.#thread(user, `1415555${2000 + at}`);
      this.#lane(async () => {
        for (let n = 1; !this.#stopping; n += 1) {
          await this.#post(thread, `in ${at} ${n}`);
          await pause(140);
        }
      });
    }
  }

  #conversation(user, remote) {
    const { e164, platform } = user.number;
    const conversation = { userId: user.id, number: e164, remote: `+${remote}`, platform, texts: [] };
    this.truths.conversations.push(conversation);
    return conversation;
  }

  /** Under a key; what is not answered is kept as such, and nothing is sent after it. */
  async #send(client, conversation, text) {
    const key = `send-${randomBytes(6).toString('hex')}`;
    const { userId, number: from, remote: to } = conversation;
    const { parts } = this.#tools.splitForSingles(text);
    try {
      const { id } = await client.post('/v1/client/messages', { from, to, text }, { 'idempotency-key': key });
      const sent = { id, text, parts };
      conversation.texts.push(sent);
      return { key, ...sent };
    } catch (error) {
      conversation.texts.push({ text, parts });
      this.truths.unanswered.push({ userId, key, from, to, text });
      if (this.#sending) throw error;
      return undefined;
    }
  }

  #startOutbound() {
    for (const [at, user] of [this.#users.ann, this.#users.bob].entries()) {
      const conversation = this.#conversation(user, `1650555${2000 + at}`);
      this.#lane(async () => {
        const client = await this.#clientOf(user);
        for (let n = 1; !this.#stopping; n += 1) {
          if (!(await this.#send(client, conversation, `out ${at} ${n}`))) return;
          await pause(150);
        }
      });
    }
  }

  /** Delivered, failed, quarantined, blocked and opted out: all before the load. */
  async #earlierTexts() {
    const { ann, bob } = this.#users;
    const client = await this.#clientOf(ann);
    for (const suffix of ['2100', '0003', '0004']) {
      const conversation = this.#conversation(ann, `1650556${suffix}`);
      const sent = await this.#send(client, conversation, `earlier, to ${suffix}`);
      await this.#tools.until('its end', async () => {
        const [row] = await this.#sql(`select state from routing.message where id = '${sent.id}'`);
        return ['delivered', 'undelivered', 'failed'].includes(row.state);
      });
      const { key, id, text } = sent;
      const { number: from, remote: to } = conversation;
      this.truths.answered.push({ userId: ann.id, key, from, to, text, id });
    }
    await client.post('/v1/client/blocks', { number: '+14155553001' });
    const nobody = { number: '+12015559999', remote: '+14155553002', platform: 'plain', texts: [] };
    await this.#post(nobody, 'to a number nobody has');
    const stopped = this.#thread(bob, '14155553003');
    await this.#post(stopped, 'STOP');
    await fetch(this.#platforms.plain.webhookUrls[1], { method: 'POST', body: 'not=a-message' });
    await this.#tools.until('what is quarantined', async () => {
      const [{ count }] = await this.#sql('select count(*)::int as count from routing.quarantined');
      return count >= 2;
    });
  }

  /**
   * Conversations whose first text is with the carrier, or not, and nobody here knows; behind it wait others. In each the
   * carrier has been asked and says nothing until the sender is dead.
   */
  async #sendsThatHang() {
    const { ann, bob } = this.#users;
    const long = (mark) =>
      `${mark} ${'A text that takes more than one segment of its carrier. '.repeat(6)}end of ${mark}`;
    const wide = (mark) =>
      `${mark} ${'Ein Text für Łódź, Αθήνα und 東京, der nicht in ein Segment passt. '.repeat(3)}${mark}`;
    const clients = { ann: await this.#clientOf(ann), bob: await this.#clientOf(bob) };
    const open = (user, suffix) => {
      const conversation = this.#conversation(user, `1650557${suffix}`);
      return { ten: conversation.remote.slice(2), say: (text) => this.#send(clients[user.name], conversation, text) };
    };
    const heard = open(ann, '2001');
    const lost = open(ann, '2002');
    const half = open(ann, '2003');
    const unheard = open(bob, '2004');
    const again = open(bob, '2005');
    const cut = open(ann, '2006');
    const cutBefore = open(ann, '2007');
    // All taken by the sender at once: while one hangs and nothing else ends, this version takes no more.
    const go = await this.#holdSender();
    const hung = [];
    const hang = async ({ ten, say }, what, first, more = {}) => {
      hung.push(await this.#fault('restcomm', 'messages.send', ten, what, more));
      await say(first);
    };
    await hang(heard, 'timeout-after', 'heard, and not answered');
    await heard.say('taken with it');
    await heard.say(long('taken with it, too'));
    await hang(lost, 'timeout-before', 'not heard');
    await hang(half, 'timeout-after', long('half'), { skip: 1 });
    await hang(unheard, 'timeout-before', wide('unheard'), { skip: 1 });
    await hang(again, 'status', long('again'), { skip: 1, times: 1000, status: 503 });
    await hang(cut, 'reset-after', 'cut off, and heard');
    await hang(cutBefore, 'reset-before', 'cut off, not heard');
    await go();
    await Promise.all(hung.map((fault) => this.#hit(fault)));
    for (const text of ['behind it', long('heard-1'), wide('heard-2'), 'last of it']) await heard.say(text);
    for (const text of [long('lost-1'), 'last of it']) await lost.say(text);
    for (const { say } of [half, unheard, cut]) await say('behind half a text');
    await again.say('behind one that is tried again');
    // The same words twice: the one must not pass for the other.
    await cutBefore.say('cut off, not heard');
    for (const ten of [cut.ten, cutBefore.ten])
      await this.#tools.until('the doubt being written down', async () => {
        const rows = await this.#sql(
          `select 1 from routing.message where remote = '+1${ten}' and state = 'submitted-unknown'`,
        );
        return rows.length > 0;
      });
    this.#sending = false;
  }

  /** Nothing is taken for sending until the answer is called. */
  async #holdSender() {
    const held = Promise.withResolvers();
    const released = Promise.withResolvers();
    const session = withClient(this.#database, async (client) => {
      await client.query('begin');
      await client.query('lock table routing.send_attempt in share row exclusive mode');
      held.resolve();
      await released.promise;
      await client.query('commit');
    });
    session.catch(held.reject);
    await held.promise;
    return async () => {
      released.resolve();
      await session;
    };
  }

  // What others wait for

  /** The mail server asks to come again, and the news of a failed number is left with us. */
  async #refusedMail() {
    await fetch(`${this.#stack.urls.mailUrl}/api/behaviour`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rejectNext: 1000, code: 451 }),
    });
    const ten = this.#phone('0004');
    await this.#assign(this.#users.ann, 'canonical', ten);
    await this.#state(ten, 'failed');
    this.#expect(ten, 'canonical', 'failed');
    this.truths.mailed = [ten];
    await this.#tools.until('a mail that waits', async () => {
      const rows = await this.#sql(`select 1 from notification.mail_delivery where state <> 'sent'`);
      return rows.length > 0;
    });
    // For later: these are to be given back in the middle of being released, these are to wait.
    for (const what of ['timeout-after', 'timeout-before']) {
      const active = this.#phone();
      await this.#assign(this.#users.ann, 'canonical', active);
      await this.#state(active, 'active');
      this.#toRelease.push([active, what]);
    }
  }

  /** From here on no service gets its facts published: somebody else holds the right to. */
  async #factsThatWait() {
    for (const service of WITH_DATABASE) await this.#holdRelay(service);
    const { ann, cyd } = this.#users;
    await this.#license(cyd);
    await this.#admin.patch(`/v1/users/${ann.id}`, { name: 'Ann Renamed' });
    const eve = await this.#user('eve', this.truths.tenant.groupId);
    await this.#license(eve);
    const ten = this.#phone();
    await this.#assign(eve, 'canonical', ten);
    const { id } = await this.#state(ten, 'active');
    eve.number = { id, e164: `+1${ten}`, platform: 'canonical' };
    this.#expect(ten, 'canonical', 'active', 'active, not known to routing');
    await this.#post(this.#thread(eve, '14155554001'), 'for a number routing has not heard of');
    // Their jobs take longer than the installation has; one of them fails in the end, one never ends.
    await this.#twins.switches({ jobDelayMs: 120_000 });
    for (const [suffix, becomes] of [
      [undefined, 'active'],
      ['0004', 'failed'],
      ['0009', 'pending'],
    ]) {
      const pending = this.#phone(suffix);
      await this.#assign(ann, 'canonical', pending);
      await this.#state(pending, 'pending');
      this.#expect(pending, 'canonical', becomes, 'pending');
      if (becomes === 'failed') this.truths.mailed.push(pending);
    }
    // Released while its job still runs: to be taken off Message Exchange once it has ended.
    const early = this.#phone();
    await this.#assign(ann, 'canonical', early);
    await this.#release((await this.#state(early, 'pending')).id);
    await this.#state(early, 'released');
    this.#expect(early, 'canonical', 'released', 'to be taken off Message Exchange');
    await this.#twins.switches({ jobDelayMs: 300 });
    await this.#post(this.#thread(this.#users.bob, '14155554003'), 'STOP');
    // The carrier has it, and its webhook never came.
    const missed = this.#thread(ann, '14155554002');
    const text = 'only in the list of the carrier';
    const { smsSid } = await this.#twins.inbound({
      accountSid: this.#platforms.canonical.account,
      to: ann.number.e164.slice(1),
      from: missed.remote.slice(1),
      body: text,
      noWebhook: true,
    });
    Object.assign(missed, { listedOnly: true, texts: [{ carrierMessageId: smsSid, text }] });
  }

  async #holdRelay(service) {
    const key = `hashtext('strowger.outbox'), hashtext('${service}')`;
    const held = Promise.withResolvers();
    const released = Promise.withResolvers();
    const session = withClient(this.#database, async (client) => {
      const [{ pid }] = (await client.query('select pg_backend_pid() as pid')).rows;
      const locked = client.query(`select pg_advisory_lock(${key})`);
      // The next one in line goes on.
      await this.#tools.until(`the relay of ${service} being held`, async () => {
        await this.#sql(`
          select pg_terminate_backend(l.pid) from pg_locks w join pg_locks l
            on l.locktype = 'advisory' and l.granted and (l.classid, l.objid) = (w.classid, w.objid)
          where w.pid = ${pid} and w.locktype = 'advisory' and not w.granted`);
        return Promise.race([locked.then(() => true), pause(200).then(() => false)]);
      });
      held.resolve();
      await released.promise;
    });
    session.catch(held.reject);
    this.#locks.push(async () => {
      released.resolve();
      await session;
    });
    await held.promise;
  }

  get #database() {
    return inDatabase(this.#stack.urls.postgresUrl, 'strowger');
  }

  #sql(text) {
    return withClient(this.#database, async (client) => (await client.query(text)).rows);
  }
}
