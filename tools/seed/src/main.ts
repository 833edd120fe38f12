import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { PortalApi, until } from '@strowger/api-client';
import { APPLICATION_NAME, DEMO_ACCOUNT, twinsClient } from '@strowger/carrier-twins';
import type {
  GroupView,
  InterfaceUserView,
  PortalUserView,
  ResellerView,
  SystemProviderView,
  UserView,
} from '@strowger/contracts-hierarchy';
import type { NumberView, PlatformView } from '@strowger/contracts-provisioning';
import type { Page } from '@strowger/kernel';

/** The demo tenant of `npm start`: made once, found again afterwards. Only ever in development, so the passwords are no secret. */
const PROVIDER = 'Demo Telecom';
const HOST_NAME = 'demo.example';
/** The login of a back office at the SOAP API, from this machine only. */
const INTERFACE_USER = { userName: 'demo-backoffice', password: 'demo-interface-2026' };
const PASSWORD = 'demo-password-2026';
const EMAIL = 'admin@demo.example';
const USERS = [
  { broadworksUserId: 'chris@acme.example', name: 'Chris Tutt', number: '2015550123', friendlyName: 'Chris Direct' },
  { broadworksUserId: 'dana@acme.example', name: 'Dana Reyes', number: '2015550124', friendlyName: 'Dana Mobile' },
] as const;

interface Ready {
  gatewayUrl: string;
  soapUrl: string;
  twinsUrl: string;
  hooksUrl: string;
  mailUrl: string;
  operator: { email: string; password: string };
}

const read = (name: string): string => {
  const path = process.env[name];
  if (!path) throw new Error(`${name} must name a file; npm start sets it.`);
  return path;
};

const ready = JSON.parse(readFileSync(read('STROWGER_READY_FILE'), 'utf8')) as Ready;
const operator = await PortalApi.signIn(ready.gatewayUrl, ready.operator.email, ready.operator.password);
const twins = twinsClient(ready.twinsUrl);

const named = async <T extends { name: string }>(api: PortalApi, path: string, name: string): Promise<T | undefined> =>
  (await api.get<Page<T>>(`${path}?search=${encodeURIComponent(name)}`)).items.find((item) => item.name === name);

const provider =
  (await named<SystemProviderView>(operator, '/v1/system-providers', PROVIDER)) ??
  (await operator.post<SystemProviderView>('/v1/system-providers', {
    name: PROVIDER,
    timezone: 'America/Chicago',
    serverHostNames: [HOST_NAME],
  }));
const providerPath = `/v1/system-providers/${provider.id}`;
const people = await operator.get<Page<PortalUserView>>(`${providerPath}/portal-users`);
if (!people.items.some((user) => user.email === EMAIL))
  await operator.post('/v1/portal-users', {
    level: 'system-provider',
    nodeId: provider.id,
    email: EMAIL,
    name: 'Alex Admin',
    password: PASSWORD,
    role: 'administrator',
    notifications: { technicalEmails: true, alerts: true, invoicesAndReceipts: true, licenseExpiryAlerts: true },
  });
for (const { application, licenseType } of await operator.get<{ application: string; licenseType: string }[]>(
  '/v1/products',
))
  await operator.put(
    `${providerPath}/purchases/${encodeURIComponent(application)}/${encodeURIComponent(licenseType)}`,
    { quantity: 100 },
  );

const { items: robots } = await operator.get<Page<InterfaceUserView>>(`${providerPath}/interface-users`);
if (!robots.some(({ userName }) => userName === INTERFACE_USER.userName))
  await operator.post(`${providerPath}/interface-users`, {
    ...INTERFACE_USER,
    email: 'backoffice@demo.example',
    description: 'The back office of the demo, from this machine',
    addresses: [{ address: '127.0.0.1' }, { address: '::1' }],
  });

const admin = await PortalApi.signIn(ready.gatewayUrl, EMAIL, PASSWORD);
const reseller =
  (await named<ResellerView>(admin, `${providerPath}/resellers`, 'Acme')) ??
  (await admin.post<ResellerView>(`${providerPath}/resellers`, { key: 'acme', name: 'Acme', kind: 'enterprise' }));
const group =
  (await named<GroupView>(admin, `/v1/resellers/${reseller.id}/groups`, 'Acme Headquarters')) ??
  (await admin.post<GroupView>(`/v1/resellers/${reseller.id}/groups`, { key: 'acme-hq', name: 'Acme Headquarters' }));

// As an administrator would in Restcomm's portal: the application's URL is the platform's webhook.
const [connected] = await admin.get<PlatformView[]>(`${providerPath}/platforms`);
const platform =
  connected ??
  (await admin.post<PlatformView>(`${providerPath}/platforms`, {
    kind: 'restcomm',
    name: 'Restcomm',
    credentials: {
      account: DEMO_ACCOUNT.sid,
      secret: DEMO_ACCOUNT.token,
      messageExchangeToken: DEMO_ACCOUNT.meToken,
    },
    options: { ratePerSecond: 50 },
  }));
await twins.putApplication(DEMO_ACCOUNT.sid, APPLICATION_NAME, { rcml_url: platform.webhookUrl, kind: 'sms' });

for (const { broadworksUserId, name, number, friendlyName } of USERS) {
  const user =
    (await named<UserView>(admin, `/v1/groups/${group.id}/users`, name)) ??
    (await admin.post<UserView>(`/v1/groups/${group.id}/users`, { broadworksUserId, name }));
  await admin.post(`/v1/users/${user.id}/licenses`, { application: 'UnityDesktop', licenseType: 'Pro' });
  const owned = await admin.get<Page<NumberView>>(`/v1/users/${user.id}/numbers`);
  if (!owned.items.some((n) => n.number === number && n.state !== 'released')) {
    // Enabled at once, so that there is a working number to try from the first minute.
    await twins.setExchangeNumber(`1${number}`, { status: 'enabled', accountSid: DEMO_ACCOUNT.sid });
    await admin.post(`/v1/users/${user.id}/numbers`, { number, friendlyName });
  }
}
const chris = (await named<UserView>(admin, `/v1/groups/${group.id}/users`, USERS[0].name))!;
await until(
  'an active demo number',
  async () =>
    (await admin.get<Page<NumberView>>(`/v1/users/${chris.id}/numbers`)).items.some((n) => n.state === 'active'),
  30_000,
);

// It holds passwords; an older one may still be readable by all.
rmSync(read('STROWGER_SEED_FILE'), { force: true });
writeFileSync(
  read('STROWGER_SEED_FILE'),
  JSON.stringify({
    logins: {
      operator: {
        email: ready.operator.email,
        password: ready.operator.password,
        note: 'everything in this installation',
      },
      administrator: { email: EMAIL, password: PASSWORD, note: `administrator of ${PROVIDER}` },
      interfaceUser: { ...INTERFACE_USER, note: 'SOAP calls from this machine; one wrong password locks it' },
    },
    serverHostName: HOST_NAME,
    tryThis: [
      'npm run demo                                   the whole story, step by step, against what runs here',
      `curl -s ${ready.gatewayUrl}/v1/sessions -H 'content-type: application/json' -d '{"email":"${EMAIL}","password":"${PASSWORD}"}'`,
      `curl -s ${ready.soapUrl}/GetLicenseTypes -d loginUserName=${INTERFACE_USER.userName} -d loginPassword=${INTERFACE_USER.password}`,
      `curl -s ${ready.twinsUrl}/control/restcomm/inbound -H 'content-type: application/json' -d '{"to":"1${USERS[0].number}","from":"12015550199","body":"Hello"}'`,
    ],
  }),
  { mode: 0o600 },
);
