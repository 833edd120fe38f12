import { LicenseExpiryAlertedV1, type LicenseAlertItem } from '@strowger/contracts-hierarchy';
import { NumberEnablementFailedV1 } from '@strowger/contracts-provisioning';
import { notificationRpc } from '@strowger/contracts-notification';
import { newId, type TenantScope } from '@strowger/kernel';
import { DeadLetters } from '@strowger/messaging';
import { sql } from '@strowger/persistence';
import { scopeOf, startNotification, type World } from './notification.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startNotification({ instances: 2 });
}, 60_000);
afterAll(() => world.stop());
afterEach(() => world.sink.behave({ rejectNext: 0, code: 451 }));

let count = 0;
/** A provider with so many people who receive alerts. */
async function provider(recipients = 1): Promise<{ id: string; emails: string[] }> {
  const id = newId();
  const emails = Array.from({ length: recipients }, () => `person-${++count}@demo.example`);
  await world.recipients(id, emails);
  return { id, emails };
}
const mailsTo = (email: string) => world.sink.mailbox.list({ to: email });

describe('an incident', () => {
  it('is mailed once to each who receives alerts', async () => {
    const { id, emails } = await provider(3);
    const incidentId = await world.enablementFailed(id);
    const deliveries = await world.drain(id);
    expect(deliveries).toHaveLength(3);
    for (const email of emails) {
      expect(mailsTo(email)).toMatchObject([
        {
          to: [email],
          subject: 'SMS enablement failed for 2015550123',
          headers: { 'auto-submitted': 'auto-generated' },
        },
      ]);
      const [mail] = mailsTo(email);
      for (const body of [mail!.text, mail!.html])
        for (const word of ['2015550123', 'Chris Tutt', 'Number is a wireless number', 'https://portal.example/'])
          expect(body).toContain(word);
    }
    expect(deliveries[0]).toMatchObject({
      incidentId,
      state: 'sent',
      attempts: 1,
      template: 'enablement-failed',
      sentAt: expect.any(String),
    });
  });

  it('is mailed once when its fact comes again and all workers go for it', async () => {
    const { id, emails } = await provider();
    const incidentId = newId();
    for (let i = 0; i < 5; i++) await world.enablementFailed(id, { incidentId });
    await world.idle();
    const [mail] = (await world.deliveries(id)).items;
    await Promise.all(
      Array.from(
        { length: 10 },
        (_, i) => world.instances[i % 2]!.app.get(world.mail.constructor as never, { strict: false }) as World['mail'],
      ).map((service) => service.deliver(mail!.id)),
    );
    await world.drain(id);
    expect(mailsTo(emails[0]!)).toHaveLength(1);
  });

  it('waits for the list of recipients when that comes later', async () => {
    const id = newId();
    await world.enablementFailed(id);
    await world.recipients(id, ['late@demo.example']);
    await world.drain(id);
    expect(mailsTo('late@demo.example')).toHaveLength(1);
  });

  it('goes to those on the newest list', async () => {
    const id = newId();
    await world.recipients(id, ['new@demo.example'], 7);
    await world.recipients(id, ['old@demo.example'], 6);
    await world.enablementFailed(id);
    await world.drain(id);
    expect(mailsTo('new@demo.example')).toHaveLength(1);
    expect(mailsTo('old@demo.example')).toEqual([]);
  });
});

describe('the mail server', () => {
  it.each(['rcpt', 'data'] as const)('that says later (%s) is asked again', async (at) => {
    const { id, emails } = await provider();
    world.sink.behave({ rejectNext: 2, code: 451, at });
    await world.enablementFailed(id);
    expect(await world.drain(id)).toMatchObject([{ state: 'sent', attempts: 3 }]);
    expect(mailsTo(emails[0]!)).toHaveLength(1);
  });

  it('that is away is asked again', async () => {
    const away = await startNotification({ env: { SMTP_URL: 'smtp://127.0.0.1:1', MAIL_MAX_ATTEMPTS: '3' } });
    try {
      const id = newId();
      await away.recipients(id, ['nobody@demo.example']);
      await away.enablementFailed(id);
      expect(await away.drain(id)).toMatchObject([
        { state: 'failed', attempts: 3, lastError: expect.stringContaining('ECONNREFUSED') },
      ]);
    } finally {
      await away.stop();
    }
  }, 60_000);

  it('that refuses for good is not asked again', async () => {
    const { id, emails } = await provider();
    world.sink.behave({ rejectNext: 1, code: 550 });
    await world.enablementFailed(id);
    expect(await world.drain(id)).toMatchObject([
      { state: 'failed', attempts: 1, lastError: expect.stringContaining('550') },
    ]);
    expect(mailsTo(emails[0]!)).toEqual([]);
  });

  it('that hangs up instead of answering leaves it unknown, and gets it once', async () => {
    const { id, emails } = await provider();
    world.sink.behave({ rejectNext: 1, code: 'drop' });
    await world.enablementFailed(id);
    expect(await world.drain(id)).toMatchObject([{ state: 'unknown', attempts: 1 }]);
    world.clock.advance(3_600_000);
    await world.drain(id);
    expect(mailsTo(emails[0]!)).toHaveLength(1);
  });
});

describe('a sender that dies', () => {
  const queued = async () => {
    const { id, emails } = await provider();
    world.sink.behave({ rejectNext: 1, code: 451, at: 'rcpt' });
    await world.enablementFailed(id);
    await world.idle();
    await world.jobs.drain();
    const { items } = await world.deliveries(id);
    return { id, email: emails[0]!, mail: items[0]! };
  };
  const left = (mail: { id: string }, state: string) =>
    world.db.query(
      sql`update mail_delivery set state = ${state}, lease_until = ${world.clock.now()}, next_attempt_at = ${world.clock.now()} where id = ${mail.id}`,
    );

  it('after handing the mail over leaves it unknown: it is not sent again', async () => {
    const { id, email, mail } = await queued();
    await left(mail, 'handed-over');
    expect(await world.drain(id)).toMatchObject([
      { state: 'unknown', lastError: expect.stringContaining('handing the mail over') },
    ]);
    expect(mailsTo(email)).toEqual([]);
  });

  it('before that is taken over from', async () => {
    const { id, email, mail } = await queued();
    await left(mail, 'sending');
    expect(await world.drain(id)).toMatchObject([{ state: 'sent' }]);
    expect(mailsTo(email)).toHaveLength(1);
  });
});

it('a mail whose job Redis lost is sent by the sweep', async () => {
  const { id, emails } = await provider();
  await world.db.query(sql`
    insert into mail_delivery (id, incident_id, system_provider_id, recipient, template, topic, subject, text_body, html_body, state, created_at, next_attempt_at)
    values (${newId()}, ${newId()}, ${id}, ${emails[0]}, 't', 't', 'lost', 'lost', 'lost', 'queued', ${world.clock.now()}, ${world.clock.now()})`);
  expect(await world.drain(id)).toMatchObject([{ state: 'sent' }]);
  expect(mailsTo(emails[0]!)).toHaveLength(1);
});

describe('news', () => {
  it('said again within the repeat time are logged, not mailed, and mailed after it', async () => {
    const { id, emails } = await provider();
    const platformId = newId();
    await world.credentials(id, platformId, 'failed');
    await world.credentials(id, platformId, 'failed');
    expect((await world.drain(id)).map(({ state }) => state).sort()).toEqual(['sent', 'suppressed']);
    world.clock.advance(11 * 60_000);
    await world.credentials(id, platformId, 'failed');
    await world.drain(id);
    expect(mailsTo(emails[0]!)).toHaveLength(2);
  });

  it('that have changed in between are not a repeat', async () => {
    const { id, emails } = await provider();
    const platformId = newId();
    for (const state of ['failed', 'recovered', 'failed'] as const) {
      await world.credentials(id, platformId, state);
      world.clock.advance(1000);
    }
    await world.drain(id);
    expect(mailsTo(emails[0]!)).toHaveLength(3);
  });

  it('of two numbers are two', async () => {
    const { id, emails } = await provider();
    await Promise.all([world.enablementFailed(id), world.enablementFailed(id, { e164: '+12015550124' })]);
    await world.drain(id);
    expect(mailsTo(emails[0]!)).toHaveLength(2);
  });
});

describe('expiring licenses', () => {
  const purchase: LicenseAlertItem = {
    kind: 'purchase',
    news: 'expires',
    application: 'UnityDesktop',
    licenseType: 'Pro',
    quantity: 50,
    holder: 'Demo Carrier',
    expiresAt: '2027-03-01T02:00:00.000Z',
    daysLeft: 7,
  };
  const trial: LicenseAlertItem = {
    kind: 'trial',
    news: 'unlicensed',
    application: 'UnityAgent',
    licenseType: 'Anywhere',
    holder: '<b>Chris</b>',
    expiresAt: '2027-02-20T12:00:00.000Z',
    daysLeft: -1,
    reason: 'no license type is chosen under Automatic Assignment',
  };
  const alerted = async (items: LicenseAlertItem[], incidentId = newId()) => {
    const systemProviderId = newId();
    const email = `licenses-${++count}@demo.example`;
    const recipient = { portalUserId: newId(), email, name: 'Pat', timezone: 'America/Chicago' };
    const again = () =>
      world.publish(LicenseExpiryAlertedV1, incidentId, { incidentId, systemProviderId, recipient, items });
    await again();
    await again();
    return { email, deliveries: await world.drain(systemProviderId) };
  };

  it('go to the one the fact names, once, with the time in their own zone', async () => {
    const { email, deliveries } = await alerted([purchase]);
    expect(deliveries).toMatchObject([{ template: 'license-expiry', state: 'sent', recipient: email }]);
    const [mail, ...more] = mailsTo(email);
    expect(more).toEqual([]);
    expect(mail!.subject).toBe('Expiring in 7 days: 50 UnityDesktop Pro licenses of Demo Carrier');
    for (const body of [mail!.text, mail!.html])
      for (const words of ['50 UnityDesktop Pro', '28 February 2027', 'America/Chicago', 'Send License Expiry Alerts'])
        expect(body).toContain(words);
  });

  it('of several kinds share a mail, and names are text in it', async () => {
    const { email } = await alerted([purchase, trial]);
    const [mail] = mailsTo(email);
    expect(mail!.subject).toBe('2 licenses and trials need your attention');
    expect(mail!.text).toContain('<b>Chris</b>: UnityAgent Anywhere trial: ended on');
    expect(mail!.text).toContain(trial.reason);
    expect(mail!.html).not.toContain('<b>');
  });
});

describe('what a carrier or a person wrote', () => {
  it('is text in the page, never markup', async () => {
    const { id, emails } = await provider();
    await world.enablementFailed(id, {
      name: `<img src=x onerror="alert(1)">`,
      reason: `<script>alert('x')</script> & "more"`,
    });
    await world.drain(id);
    const [mail] = mailsTo(emails[0]!);
    expect(mail!.html).not.toMatch(/<script|<img/);
    expect(mail!.html).toContain('&lt;script&gt;');
    expect(mail!.text).toContain(`<script>alert('x')</script> & "more"`);
  });

  it('makes no header', async () => {
    const { id, emails } = await provider();
    const platformId = newId();
    await world.mail.alert(id, newId(), {
      template: 't',
      topic: platformId,
      subject: 'first\r\nBcc: victim@demo.example\r\n\r\nbody',
      text: 'x',
      html: 'x',
    });
    await world.enablementFailed(id, { reason: 'bad\r\nBcc: victim@demo.example' });
    await world.drain(id);
    expect(mailsTo('victim@demo.example')).toEqual([]);
    const mails = mailsTo(emails[0]!).map(({ to, headers }) => ({ to, bcc: headers['bcc'] }));
    expect(mails).toEqual(Array(2).fill({ to: emails, bcc: undefined }));
  });
});

describe('the list of mails', () => {
  const list = (scope: TenantScope, body = {}) =>
    world.rpc.call(notificationRpc.listDeliveries, {
      scope,
      actor: { kind: 'system', id: 'spec', name: 'spec' },
      body,
    });

  it('shows a provider its own, page by page, and nobody below it any', async () => {
    const [mine, theirs] = [await provider(), await provider()];
    for (let i = 0; i < 5; i++) await world.enablementFailed(mine.id);
    await world.enablementFailed(theirs.id);
    await world.drain(mine.id);
    await world.drain(theirs.id);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list(scopeOf(mine.id), { limit: 2, cursor });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor);
    expect(new Set(seen).size).toBe(5);
    expect(seen).toHaveLength(5);
    expect((await list(scopeOf(theirs.id))).items.map(({ recipient }) => recipient)).toEqual(theirs.emails);
    for (const level of ['reseller', 'group', 'user'] as const)
      expect(await list({ level, id: newId(), systemProviderId: mine.id })).toEqual({ items: [] });
    const above = { ...scopeOf(newId()), providerIds: [mine.id, theirs.id] };
    expect((await list(above)).items).toHaveLength(6);
    expect((await list({ ...above, providerIds: [newId(), theirs.id] })).items).toHaveLength(1);
  });

  it.each(['["a","b"]', '["2026-01-01T00:00:00Z","b"]'])('refuses the cursor %s', async (position) => {
    const cursor = Buffer.from(position).toString('base64url');
    await expect(list(scopeOf(newId()), { cursor })).rejects.toMatchObject({ kind: 'invalid' });
  });
});

it('a fact it cannot read is parked, not lost in a loop', async () => {
  await world.publish(NumberEnablementFailedV1, newId(), { numberId: 'none' } as never);
  await world.idle();
  const { items } = await world.app.get(DeadLetters, { strict: false }).list({ consumer: 'notification-incidents' });
  expect(items).toMatchObject([{ reason: 'invalid-data' }]);
});
