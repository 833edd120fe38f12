import { until } from '@strowger/api-client';
import type { ApiKeyWithSecret, InterfaceUserWithPassword } from '@strowger/contracts-hierarchy';
import { newId } from '@strowger/kernel';
import { call, canary, mailsTo, type Tenant } from './security.fixtures.js';

/** What is secret about accounts, used as it should be and as it should not. */
export interface AccountSecrets {
  secrets: Record<string, string>;
  /** Only in the mailbox of who asked for it. */
  mailed: Record<string, string>;
  /** What was answered, without the answers that are to hand a secret out. */
  replies: string[];
}

export async function useAccounts(tenant: Tenant): Promise<AccountSecrets> {
  const [keys, robots, resets] = [await useKeys(tenant), await useRobots(tenant), await useResets(tenant)];
  return {
    secrets: { ...keys.secrets, ...robots.secrets, ...resets.secrets },
    mailed: resets.mailed,
    replies: [...keys.replies, ...robots.replies, ...resets.replies],
  };
}

/** The part of a key that nobody is shown. */
const secretOf = ({ key }: ApiKeyWithSecret): string => key.slice(key.lastIndexOf('_') + 1);

async function useKeys({ admin, provider, stack }: Tenant) {
  const url = stack.urls.gatewayUrl;
  const given = { level: 'system-provider', nodeId: provider.id, name: 'Canary', permissions: ['read'] };
  const once = { 'idempotency-key': newId() };
  const made = await admin.post<ApiKeyWithSecret>('/v1/api-keys', given, once);
  // Asked again under the same key, it is the same answer, which therefore is kept somewhere: without the secret.
  const { key: _shownOnce, ...rest } = made;
  expect(await admin.post<ApiKeyWithSecret>('/v1/api-keys', given, once)).toEqual(rest);
  const rotate = () =>
    admin.post<ApiKeyWithSecret>(`/v1/api-keys/${made.id}/rotate`, {}, { 'idempotency-key': newId() });
  const rotated = await rotate();
  const answers = [
    await call(`${url}/v1/users`, 'GET', made.key),
    await call(`${url}/v1/users`, 'GET', '', { headers: { 'x-api-key': rotated.key } }),
    // Refused: may not write, is not a key, is not where a key belongs.
    await call(`${url}/v1/api-keys`, 'POST', rotated.key, { json: { ...given, name: rotated.key } }),
    await call(`${url}/v1/users`, 'GET', `${rotated.key}x`),
    await call(`${url}/v1/users?search=${secretOf(rotated)}`, 'GET', `Basic ${rotated.key}`),
    await call(`${url}/v1/users/${newId()}`, 'GET', '', { headers: { authorization: rotated.key } }),
    await call(`${url}/v1/api-keys/${made.id}`, 'GET', admin.token),
  ];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 403, 401, 401, 401, 200]);
  const last = await rotate();
  await admin.delete(`/v1/api-keys/${made.id}`);
  expect((await call(`${url}/v1/users`, 'GET', last.key)).status).toBe(401);
  return {
    secrets: { 'api key made': secretOf(made), 'api key rotated': secretOf(rotated), 'api key last': secretOf(last) },
    replies: answers.map(({ text }) => text),
  };
}

/** A password that comes with every call, also with calls nobody can make sense of. */
async function useRobots({ robot, admin, ids, stack, secrets }: Tenant) {
  const path = `/v1/interface-users/${ids['interface-users']}`;
  const replies: string[] = [];
  const send = async (to: string, body: string, headers: Record<string, string>): Promise<void> => {
    replies.push((await call(to, 'POST', '', { raw: body, headers })).text);
  };
  const { loginUserName, loginPassword } = robot.login;
  const { soapUrl } = stack.urls;
  const login = `<loginUserName>${loginUserName}</loginUserName><loginPassword>${loginPassword}</loginPassword>`;
  const envelope = (inner: string): string =>
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${inner}</s:Body></s:Envelope>`;
  const ping = (inner: string): string => `<Ping xmlns="http://strowger.dev/provision/">${inner}</Ping>`;
  for (const body of [
    envelope(ping(login)),
    // Broken where the password stands, and everywhere around it.
    envelope(ping(login.replace('</loginPassword>', '&nothing;</loginPassword>'))),
    envelope(ping(login.replace('</loginPassword>', '</loginPasswort>'))),
    envelope(ping(login.replace('<loginPassword>', '<loginPassword><b>').replace('</loginP', '</b></loginP'))),
    envelope(ping(`${login}<isEnterprise>${loginPassword}</isEnterprise>`)),
    envelope(ping(login)).slice(0, -30),
    `<!DOCTYPE x [<!ENTITY e "${loginPassword}">]>${envelope(ping(login))}`,
  ]) {
    await send(soapUrl, body, { 'content-type': 'text/xml', soapaction: '""' });
    await send(soapUrl, body, { 'content-type': 'application/soap+xml' });
  }
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const fields = String(new URLSearchParams({ loginUserName, loginPassword }));
  for (const [operation, body] of [
    ['Ping', fields],
    ['Ping', `${fields}&loginPassword=${loginPassword}`],
    ['AddReseller', `${fields}&serverHostName=x&resellerId=x&resellerName=&isEnterprise=perhaps`],
    ['DeleteReseller', fields],
    ['Nothing', fields],
    ['Ping', `${fields}&%`],
  ] as const)
    await send(`${soapUrl}/${operation}`, body, form);

  // The first wrong one locks it; then it has another, which was made for it.
  const wrong = canary('wrong-robot');
  replies.push((await robot.but({ loginPassword: wrong }).call('Ping')).text);
  replies.push((await robot.call('Ping')).text);
  await admin.post(`${path}/unlock`);
  const chosen = canary('chosen');
  replies.push(JSON.stringify(await admin.post(`${path}/password`, { password: chosen })));
  await robot.but({ loginPassword: chosen }).must('Ping');
  const { password } = await admin.post<InterfaceUserWithPassword>(`${path}/password`);
  await robot.but({ loginPassword: password! }).must('Ping');
  replies.push(JSON.stringify(await admin.get(path)), JSON.stringify(await admin.get(`${path}/login-history`)));
  return {
    secrets: {
      ...{ 'robot (again)': secrets['robot']!, 'robot, wrong': wrong },
      ...{ 'robot, chosen': chosen, 'robot, made': password! },
    },
    replies,
  };
}

async function useResets(tenant: Tenant) {
  const { stack, provider } = tenant;
  const url = stack.urls.gatewayUrl;
  const { email } = await tenant.portalUser('system-provider', provider.id, 'forgetful');
  const post = (path: string, json: object) => call(url + path, 'POST', '', { json });
  const answers = [await post('/v1/password-resets', { email })];
  const token = await until('the mail with the token', async () => {
    const mails = (await mailsTo(stack, email)) as { text: string }[];
    return mails.map(({ text }) => /Token: ([\w-]{20,})/.exec(text)?.[1]).find(Boolean);
  });
  const newPassword = canary('reset-password');
  answers.push(
    await post('/v1/password-resets/confirm', { token, newPassword: 'short' }),
    await post('/v1/password-resets/confirm', { token: `${token}x`, newPassword }),
    await post('/v1/password-resets/confirm', { token, newPassword: 12 }),
    await post('/v1/password-resets/confirm', { token, newPassword }),
    await post('/v1/password-resets/confirm', { token, newPassword }),
    await post('/v1/sessions', { email, password: newPassword }),
  );
  expect(answers.map(({ status }) => status)).toEqual([202, 400, 400, 400, 204, 400, 200]);
  return {
    secrets: { 'password after the reset': newPassword },
    mailed: { 'reset token': token },
    // The last one hands out a token of its own.
    replies: answers.slice(0, -1).map(({ text }) => text),
  };
}
