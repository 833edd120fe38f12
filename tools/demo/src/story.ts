import { ClientSocket, until } from '@strowger/api-client';
import { APPLICATION_NAME } from '@strowger/carrier-twins';
import type { PortalUserView } from '@strowger/contracts-hierarchy';
import type { NumberView, PlatformView, TimelineEntryView } from '@strowger/contracts-provisioning';
import type { ClientFrame, MessageView, QuarantinedView } from '@strowger/contracts-routing';
import type { Page } from '@strowger/kernel';
import type { World } from './world.js';

/** What was seen at the far end: the twin's state, the mail in the sink, the frame on the socket. */
type Evidence = string | Record<string, unknown>;
type Step = readonly [id: string, title: string, play: (world: World) => Promise<Evidence>];
type MessageFrame = Extract<ClientFrame, { message: MessageView }>;

const demand = (holds: unknown, otherwise: string): void => {
  if (!holds) throw new Error(otherwise);
};
const platforms = (w: World): string => `/v1/system-providers/${w.provider.id}/platforms`;
const credentials = (w: World) => ({
  kind: 'restcomm',
  credentials: { account: w.account.sid, secret: w.account.token, messageExchangeToken: w.account.meToken },
  options: { ratePerSecond: 100 },
});
const createdWith =
  (text: string) =>
  (frame: ClientFrame): frame is MessageFrame =>
    frame.type === 'message.created' && frame.message.text === text;
const atCarrier = async (w: World, ten: string) => w.twins.numbers({ accountSid: w.account.sid, phone: ten });
const number = (w: World, id: string): Promise<NumberView> => w.admin.get<NumberView>(`/v1/numbers/${id}`);
const assign = (w: World, ten: string): Promise<NumberView> =>
  w.admin.post<NumberView>(`/v1/users/${w.user.id}/numbers`, { number: ten, friendlyName: `Chris ${ten.slice(-4)}` });
/** Longer than the twin's job takes, on the twin's clock. */
const jobsEnd = (w: World) => w.twins.clock({ advanceMs: 20 * 60_000 });
/** The poll comes by itself; in development every few seconds instead of every twenty minutes. */
const POLL_WITHIN_MS = 60_000;

export const STORY: readonly Step[] = [
  [
    'platform.refused-without-alert-recipient',
    'A platform is refused while nobody receives alerts',
    async (w) => {
      w.account = await w.twins.putAccount({ applications: [] });
      const problem = await w.admin.refusal(w.admin.post(platforms(w), credentials(w)));
      demand(problem.code === 'ALERT_RECIPIENT_REQUIRED', `refused with ${problem.code}`);
      const asked = (await w.twins.requests({})).filter((request) => JSON.stringify(request).includes(w.account.sid));
      demand(asked.length === 0, 'the carrier was asked all the same');
      return { code: problem.code, detail: problem.detail, requestsAtCarrier: asked.length };
    },
  ],
  [
    'platform.refused-application-missing',
    'It is refused while the application is missing at the carrier',
    async (w) => {
      await w.admin.patch<PortalUserView>(`/v1/portal-users/${w.portalUser.id}`, {
        notifications: { ...w.portalUser.notifications, alerts: true },
      });
      const problem = await w.admin.refusal(w.admin.post(platforms(w), credentials(w)));
      demand(problem.code === 'CONNECTOR_APPLICATION_MISSING', `refused with ${problem.code}`);
      const saved = await w.admin.get<PlatformView[]>(platforms(w));
      demand(saved.length === 0, 'a platform was saved');
      return { code: problem.code, detail: problem.detail, platformsSaved: 0 };
    },
  ],
  [
    'platform.created',
    'With the application there, it is verified and saved; its secrets are masked',
    async (w) => {
      await w.twins.putApplication(w.account.sid, APPLICATION_NAME, { kind: 'sms' });
      w.platform = await w.admin.post<PlatformView>(platforms(w), credentials(w));
      demand(!JSON.stringify(w.platform).includes(w.account.token), 'the secret is readable');
      // What an administrator does in the carrier's portal.
      const application = await w.twins.putApplication(w.account.sid, APPLICATION_NAME, {
        rcml_url: w.platform.webhookUrl,
      });
      const verified = (await w.twins.requests({ operation: 'applications.list' })).filter((request) =>
        JSON.stringify(request).includes(w.account.sid),
      );
      demand(verified.length > 0, 'the carrier was never asked');
      return {
        account: w.platform.credentials['account'],
        secret: w.platform.credentials['secret'],
        verifiedAtCarrier: verified.length,
        application: application.friendly_name,
      };
    },
  ],
  [
    'alert-guard.holds',
    'The last person who receives alerts cannot be silenced or deleted',
    async (w) => {
      const silence = { notifications: { ...w.portalUser.notifications, alerts: false } };
      const silenced = await w.admin.refusal(w.admin.patch(`/v1/portal-users/${w.portalUser.id}`, silence));
      const deleted = await w.admin.refusal(w.admin.delete(`/v1/portal-users/${w.portalUser.id}`));
      demand(
        silenced.code === 'ALERT_RECIPIENT_REQUIRED' && deleted.code === 'ALERT_RECIPIENT_REQUIRED',
        `${silenced.code}, ${deleted.code}`,
      );
      const still = await w.admin.get<PortalUserView>(`/v1/portal-users/${w.portalUser.id}`);
      demand(still.notifications.alerts, 'alerts are off');
      return { code: silenced.code, detail: silenced.detail, alertsStillOn: still.notifications.alerts };
    },
  ],
  [
    'number.refused-and-undone',
    'A number Message Exchange refuses is taken off Restcomm again',
    async (w) => {
      const ten = w.phone('0000');
      const problem = await w.admin.refusal(assign(w, ten));
      demand(problem.code === 'SMS_ENABLEMENT_REFUSED', `refused with ${problem.code}: ${problem.detail}`);
      const requests = (await w.twins.requests({ number: `1${ten}` })).map((request) => request.operation);
      demand(requests.includes('numbers.create'), 'it was never added at the carrier');
      demand((await atCarrier(w, ten)).length === 0, 'it is still at the carrier');
      return { detail: problem.detail, atCarrier: requests };
    },
  ],
  [
    'number.pending',
    'A number is added at Restcomm, and its enablement job is kept',
    async (w) => {
      const ten = w.phone('5123');
      w.number = await assign(w, ten);
      demand(w.number.state === 'pending' && w.number.enablement.jobId, `state ${w.number.state}`);
      const [held] = await atCarrier(w, ten);
      demand(held?.sms_application_sid, 'it is not bound to the application');
      const exchange = await w.twins.exchangeNumber(`1${ten}`, w.account.sid);
      demand(exchange?.status === 'pending', `Message Exchange says ${exchange?.status}`);
      return {
        state: w.number.state,
        jobId: w.number.enablement.jobId,
        boundTo: held?.sms_application_sid,
        messageExchange: exchange?.status,
      };
    },
  ],
  [
    'number.enabled-after-poll',
    'The job ends; the next poll makes the number active',
    async (w) => {
      await jobsEnd(w);
      const active = await until(
        'the number being active',
        async () => {
          const now = await number(w, w.number.id);
          return now.state === 'active' && now;
        },
        POLL_WITHIN_MS,
      );
      w.number = active;
      const exchange = await w.twins.exchangeNumber(`1${active.number}`, w.account.sid);
      demand(exchange?.status === 'enabled', `Message Exchange says ${exchange?.status}`);
      const timeline = await w.admin.get<TimelineEntryView[]>(`/v1/numbers/${active.id}/timeline`);
      return {
        state: active.state,
        lastCheckedAt: active.enablement.lastCheckedAt,
        messageExchange: exchange?.status,
        timeline: timeline.map((entry) => entry.event),
      };
    },
  ],
  [
    'number.failed-and-mailed',
    'A job that fails is mailed, once, to who receives alerts',
    async (w) => {
      const ten = w.phone('0004');
      const pending = await assign(w, ten);
      demand(pending.state === 'pending', `state ${pending.state}`);
      await jobsEnd(w);
      const failed = await until(
        'the number being failed',
        async () => {
          const now = await number(w, pending.id);
          return now.state === 'failed' && now;
        },
        POLL_WITHIN_MS,
      );
      const about = async () => (await w.mail()).filter((mail) => mail.text.includes(ten));
      const [mail] = await until('the mail', async () => {
        const mails = await about();
        return mails.length > 0 && mails;
      });
      demand(
        mail!.text.includes('Chris Tutt') && mail!.text.includes(failed.enablement.reason!),
        `the mail says: ${mail!.text}`,
      );
      // Another request for it must not report it again.
      await w.admin.post(`/v1/numbers/${pending.id}/refresh-status`).catch(() => undefined);
      demand((await about()).length === 1, 'it was mailed twice');
      return { reason: failed.enablement.reason, to: mail!.to, subject: mail!.subject, mails: 1 };
    },
  ],
  [
    'inbound.delivered-live',
    'A text to the number reaches its user on the socket',
    async (w) => {
      await w.admin.post(`/v1/users/${w.user.id}/licenses`, { application: 'UnityDesktop', licenseType: 'Pro' });
      w.clientToken = (await w.admin.post<{ clientToken: string }>(`/v1/users/${w.user.id}/client-tokens`)).clientToken;
      w.socket = await ClientSocket.open(w.addresses.gatewayUrl, w.clientToken);
      const startedAt = performance.now();
      const { smsSid } = await w.twins.inbound({
        accountSid: w.account.sid,
        to: `1${w.number.number}`,
        from: w.remote.slice(1),
        body: 'Is the table free tonight?',
      });
      const frame = await w.socket.seen('the frame', createdWith('Is the table free tonight?'));
      demand(frame.message.remote === w.remote && frame.message.number === w.number.e164, 'it names other numbers');
      return {
        carrierMessageId: smsSid,
        frame: frame.type,
        text: frame.message.text,
        ms: Math.round(performance.now() - startedAt),
      };
    },
  ],
  [
    'inbound.duplicate-ignored',
    'The same text delivered three times is one message',
    async (w) => {
      const sent = await w.twins.inbound({
        accountSid: w.account.sid,
        to: `1${w.number.number}`,
        from: w.remote.slice(1),
        body: 'Sent twice',
        repeat: 3,
      });
      await w.socket!.seen('the frame', createdWith('Sent twice'));
      await w.twins.inbound({
        accountSid: w.account.sid,
        to: `1${w.number.number}`,
        from: w.remote.slice(1),
        body: 'And then?',
      });
      await w.socket!.seen('the next frame', createdWith('And then?'));
      const copies = w.socket!.texts().filter((text) => text === 'Sent twice').length;
      const webhooks = await w.twins.webhooks({ messageSid: sent.smsSid });
      demand(webhooks.length === 3, `the carrier delivered ${webhooks.length} times`);
      demand(copies === 1, `${copies} frames`);
      return { deliveries: webhooks.length, frames: copies };
    },
  ],
  [
    'inbound.missed-while-offline-resumed',
    'What came while the client was away comes in order when it is back',
    async (w) => {
      const { cursor } = w.socket!;
      await w.socket!.close();
      const missed = ['First', 'Second', 'Third'];
      for (const body of missed)
        await w.twins.inbound({ accountSid: w.account.sid, to: `1${w.number.number}`, from: w.remote.slice(1), body });
      const client = w.admin.as(w.clientToken);
      await until(
        'the texts being stored',
        async () =>
          (await client.get<{ items: unknown[] }>(`/v1/client/sync?cursor=${cursor}`)).items.length >= missed.length,
      );
      w.socket = await ClientSocket.open(w.addresses.gatewayUrl, w.clientToken, cursor);
      const texts = w.socket.texts();
      demand(JSON.stringify(texts) === JSON.stringify(missed), `came: ${texts.join(', ')}`);
      return { resumedFrom: cursor, frames: texts };
    },
  ],
  [
    'inbound.unknown-number-quarantined',
    'A text to a number nobody owns is kept, not refused',
    async (w) => {
      const ten = w.phone('9999');
      const application = w.account.sid && (await atCarrier(w, w.number.number))[0]!.sms_application_sid;
      await w.twins.putNumber({
        accountSid: w.account.sid,
        phone_number: `1${ten}`,
        sms_application_sid: application,
      } as never);
      const sent = await w.twins.inbound({
        accountSid: w.account.sid,
        to: `1${ten}`,
        from: w.remote.slice(1),
        body: 'Anybody there?',
      });
      const [webhook] = await w.twins.webhooks({ messageSid: sent.smsSid });
      const kept = await until('the quarantined text', async () =>
        (await w.admin.get<Page<QuarantinedView>>('/v1/quarantine')).items.find((item) => item.to === `+1${ten}`),
      );
      return { answered: webhook?.status, reason: kept.reason, detail: kept.detail };
    },
  ],
  [
    'outbound.accepted',
    "The user's answer is accepted by the carrier",
    async (w) => {
      const client = w.admin.as(w.clientToken);
      const key = { 'idempotency-key': `answer-${w.user.id}` };
      const answer = { from: w.number.e164, to: w.remote, text: 'Yes, at eight.' };
      const queued = await client.post<MessageView>('/v1/client/messages', answer, key);
      const again = await client.post<MessageView>('/v1/client/messages', answer, key);
      demand(again.id === queued.id, 'the repeated request made a second message');
      const [atTwin] = await until('the text at the carrier', async () => {
        const sent = (await w.twins.messages({ to: w.remote.slice(1) })).filter(
          (message) => message.body === answer.text,
        );
        return sent.length > 0 && sent;
      });
      const shown = await until('the message being accepted', async () => {
        const now = await client.get<MessageView>(`/v1/client/messages/${queued.id}`);
        return !['queued', 'submitting'].includes(now.state) && now;
      });
      return { messageId: queued.id, state: shown.state, carrierMessageId: atTwin!.sid, segments: shown.segments };
    },
  ],
  [
    'outbound.delivered',
    'The receipt makes it delivered, and the client sees it',
    async (w) => {
      const frame = await w.socket!.seen(
        'the frame',
        (f): f is MessageFrame =>
          f.type === 'message.updated' && f.message.text === 'Yes, at eight.' && f.message.state === 'delivered',
      );
      const atTwin = (await w.twins.messages({ to: w.remote.slice(1) })).filter(
        (message) => message.body === 'Yes, at eight.',
      );
      demand(
        atTwin.length === 1 && atTwin[0]!.status === 'delivered',
        `the carrier holds ${atTwin.length}, ${atTwin[0]?.status}`,
      );
      return { frame: frame.type, state: frame.message.state, atCarrier: atTwin[0]!.status };
    },
  ],
  [
    'outbound.opted-out-refused',
    'After STOP nothing more is sent to that party',
    async (w) => {
      await w.twins.inbound({
        accountSid: w.account.sid,
        to: `1${w.number.number}`,
        from: w.remote.slice(1),
        body: 'STOP',
      });
      await w.socket!.seen('the STOP', createdWith('STOP'));
      const client = w.admin.as(w.clientToken);
      const problem = await client.refusal(
        client.post('/v1/client/messages', { from: w.number.e164, to: w.remote, text: 'One more thing' }),
      );
      demand(problem.code === 'OPTED_OUT', `refused with ${problem.code}`);
      const confirmation = await until('the one confirmation', async () =>
        (await w.twins.messages({ to: w.remote.slice(1) })).find((message) => message.body.includes('unsubscribed')),
      );
      const atTwin = (await w.twins.messages({ to: w.remote.slice(1) })).filter(
        (message) => message.body === 'One more thing',
      );
      demand(atTwin.length === 0, 'it reached the carrier');
      return { code: problem.code, detail: problem.detail, atCarrier: 0, confirmation: confirmation.body };
    },
  ],
  [
    'number.released',
    'Released, the number is gone from the carrier',
    async (w) => {
      const released = await w.admin.delete<NumberView>(`/v1/numbers/${w.number.id}`);
      demand(released.state === 'released', `state ${released.state}`);
      const left = await atCarrier(w, w.number.number);
      demand(left.length === 0, 'it is still at the carrier');
      return { state: released.state, endedAt: released.endedAt, atCarrier: left.length };
    },
  ],
];
