import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@strowger/api-client';
import type { PlatformView, TimelineEntryView } from '@strowger/contracts-provisioning';
import type { AttemptView } from '@strowger/contracts-routing';
import { newId } from '@strowger/kernel';
import { call, canary, everywhere, formsOf, phone, problemsSeen, type Answer } from './security.fixtures.js';
import { useAccounts } from './security-accounts.fixtures.js';
import { collector, a, b, operator, url, holds } from './security-system.fixtures.js';
import { MINUTES } from './world.fixtures.js';

/** Part of security.e2e.spec.ts: where secrets may not be. */

describe('secrets', () => {
  /** Where the texts of messages belong: the raw journal, and what routing keeps; a carrier's refusal may quote one. */
  const TEXTS_BELONG = /^(stream INGESTION|file spool\/|table routing\.(message|opt_out|quarantined|send_attempt)$)/;
  holds(
    'are nowhere but where they belong, after all went well and after it did not',
    async ({ stack }) => {
      const { twins, admin, account } = a;
      const secrets: Record<string, string> = {
        ...a.secrets,
        ...Object.fromEntries(Object.entries(b.secrets).map(([k, v]) => [`b-${k}`, v])),
      };
      const texts: Record<string, string> = { ...a.texts, ...b.texts };
      const kept = JSON.parse(readFileSync(join(stack.home, 'secrets.json'), 'utf8')) as Record<
        string,
        string | Record<string, string>
      >;
      secrets['token secret'] = String(kept['tokenSecret']);
      secrets['keyring'] = String(kept['keyring']).split(':')[1]!;
      secrets['operator password'] = stack.operator.password;
      secrets['operator token'] = operator.token;
      for (const [role, password] of Object.entries(kept['roles'] as Record<string, string>))
        secrets[`role ${role}`] = password;

      const answers: Answer[] = [];
      const post = async (path: string, json: object, token = admin.token): Promise<Answer> => {
        const answer = await call(url + path, 'POST', token, {
          json,
          headers: { prefer: 'wait=10', 'idempotency-key': newId() },
        });
        answers.push(answer);
        return answer;
      };
      const platforms = `/v1/system-providers/${a.provider.id}/platforms`;
      const creation = (secret: string, more = {}) => ({
        kind: 'restcomm',
        credentials: { account: account.sid, secret, ...more },
      });
      // Wrong credentials, a carrier that repeats what it was sent, input that is refused, services that die.
      secrets['wrong token'] = canary('wrong-token');
      expect((await post(platforms, creation(secrets['wrong token']))).status).toBe(400);
      const echo = (carrier: 'restcomm' | 'message-exchange', path: string, status: number, body: string) =>
        twins.addFault({
          carrier,
          match: { path, accountSid: carrier === 'restcomm' ? account.sid : undefined },
          do: 'status',
          status,
          body,
          times: 8,
        });
      // Each can repeat only what it was sent.
      const saidBy = {
        restcomm: `{"message":"bad credentials ${account.token} ${secrets['basic']}","error":"${account.token}"}`,
        'message-exchange': `{"message":"bad token ${account.meToken}","error":"${account.meToken}","reason":"${account.meToken}"}`,
      };
      for (const status of [500, 400, 401, 403]) {
        await echo('restcomm', 'applications.list', status, saidBy.restcomm);
        await post(`/v1/platforms/${a.platform.id}/verify`, {});
        await twins.clearFaults();
      }
      const accounts = await useAccounts(a);
      Object.assign(secrets, accounts.secrets);
      const { user, client, number } = a.leaves[0]!;
      const from = number.e164;
      for (const [carrier, operation] of [
        ['restcomm', 'numbers.list'],
        ['restcomm', 'numbers.create'],
        ['message-exchange', 'exchange.lookup'],
        ['message-exchange', 'exchange.add'],
      ] as const)
        for (const status of [500, 400]) {
          await echo(carrier, operation, status, saidBy[carrier]);
          await post(`/v1/users/${user.id}/numbers`, { number: phone() });
          await twins.clearFaults();
        }
      const rotated = await post(`/v1/platforms/${a.platform.id}/rotate-webhook`, {});
      secrets['rotated hook'] = (rotated.body as PlatformView).webhookUrl.split('/').at(-1)!;
      texts['refused'] = canary('refused-text');
      await post(`/v1/users/${user.id}/messages`, { to: 7, text: texts['refused'] });
      await post('/v1/messages/preview', { text: texts['refused'], wrong: texts['refused'] });
      await post('/v1/portal-users', { password: (secrets['short'] = canary('password')), email: 'none' });
      for (const status of [500, 400, 403]) {
        const text = (texts[`echoed ${status}`] = canary(`echoed-${status}`));
        await echo('restcomm', 'messages.send', status, `{"message":"cannot send ${text} for ${account.token}"}`);
        const message = await post('/v1/client/messages', { from, to: `+1${phone()}`, text }, client);
        expect(message.status).toBe(202);
        const { id } = message.body as { id: string };
        await until(
          `the end of the try with ${status}`,
          async () => (await admin.get<AttemptView[]>(`/v1/messages/${id}/attempts`))[0]?.finishedAt,
          MINUTES,
        );
        await twins.clearFaults();
      }
      for (const service of ['routing', 'provisioning', 'gateway'] as const) {
        const text = (texts[`during the death of ${service}`] = canary(`death-${service}`));
        const calls = [
          post('/v1/client/messages', { from, to: `+1${phone()}`, text }, client),
          post(platforms, creation(account.token, { messageExchangeToken: account.meToken })),
        ];
        await stack.kill9(service);
        await Promise.allSettled(calls);
        await stack.startService(service);
      }
      await until('the last text being sent', async () =>
        (await twins.messages({ accountSid: account.sid })).some(({ body }) => Object.values(texts).includes(body)),
      );
      const numbers = (await admin.get<{ items: { id: string }[] }>('/v1/numbers?limit=200')).items;
      const timelines = await Promise.all(
        numbers.map(({ id }) => admin.get<TimelineEntryView[]>(`/v1/numbers/${id}/timeline`)),
      );

      // Spans leave in batches; those of the last request show that the others have left.
      await until('the spans', async () => collector.spans.some((span) => /messages/.test(span.name)));
      // The platform's own people must see its address to set the carrier up.
      const views = answers.map(({ text }) => text.replaceAll(/"webhookUrl":"[^"]*"/g, ''));
      const places = [
        ...(await everywhere(stack)),
        { where: 'traces', text: JSON.stringify(collector.spans) },
        { where: 'problems', text: problemsSeen.join('\n') },
        { where: 'timelines', text: JSON.stringify(timelines) },
      ];
      const found = (values: Record<string, string>, where: typeof places): string[] =>
        where.flatMap((place) =>
          Object.entries(values).flatMap(([name, value]) => {
            const form = formsOf(value).find((each) => place.text.includes(each));
            return form
              ? [
                  `${name} in ${place.where}: …${place.text.slice(Math.max(0, place.text.indexOf(form) - 150), place.text.indexOf(form) + 40)}`,
                ]
              : [];
          }),
        );
      // What this looks with does find what is there.
      const belongs = found(
        { text: a.texts['quarantined']! },
        places.filter(({ where }) => TEXTS_BELONG.test(where)),
      );
      expect(belongs.map((line) => line.split(':')[0])).toEqual(
        expect.arrayContaining(['text in table routing.quarantined', 'text in stream INGESTION']),
      );
      for (const needed of [
        /^log gateway\.log/,
        /^log provisioning\.log/,
        /^table provisioning\.outbox/,
        /^table hierarchy\./,
        /^stream KV_hook-endpoints/,
        /^stream PROVISIONING/,
        /^redis 2/,
        /^metrics gatewayOps/,
        /^file mail\.jsonl/,
      ])
        expect([needed, places.some(({ where, text }) => needed.test(where) && text.length > 0)]).toEqual([
          needed,
          true,
        ]);

      // What is mailed is in the mail, and found there.
      const mailbox = places.filter(({ where }) => where === 'file mail.jsonl');
      expect(found(accounts.mailed, mailbox)).toHaveLength(Object.keys(accounts.mailed).length);
      const others = places.filter((place) => !mailbox.includes(place));
      const strayed = places.filter(({ where }) => !TEXTS_BELONG.test(where));
      expect([
        ...found(secrets, [...places, { where: 'answers', text: [...views, ...accounts.replies].join('\n') }]),
        ...found(accounts.mailed, [...others, { where: 'answers', text: accounts.replies.join('\n') }]),
        ...found(texts, strayed),
      ]).toEqual([]);
    },
    5 * MINUTES,
  );
});
