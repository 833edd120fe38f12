import { until, type PortalApi } from '@strowger/api-client';
import type {
  ApiKeyWithSecret,
  ImportView,
  InterfaceUserView,
  LicenseGrantView,
  PurchaseView,
  SessionView,
  SystemProviderView,
} from '@strowger/contracts-hierarchy';
import type { MediaStreamView, QueueView } from '@strowger/contracts-routing';
import { canary, phone, type GroupBranch, type Tenant } from './security.fixtures.js';
import { BackOffice } from './soap.fixtures.js';

/** What a tenant of the security specs has beside its users: one of everything that a route can name. */

const AGENT = { application: 'UnityAgent', licenseType: 'Standard' };

/** The portal user and the session they are signed in with. */
async function sessionOf(id: string, api: PortalApi) {
  const [session] = await api.get<SessionView[]>('/v1/me/sessions');
  return { 'portal-users': id, sessions: session!.id };
}

/** At the system provider and its resellers. */
export async function furnish(tenant: Tenant): Promise<void> {
  const { operator, admin, provider, name, secrets, stack } = tenant;
  const at = `/v1/system-providers/${provider.id}`;
  const host = `${name}.security.example`;
  const bought = await operator.post<PurchaseView>(`${at}/purchases`, { ...AGENT, quantity: 40 });
  for (const { reseller, groups, adminId } of tenant.branches) {
    await admin.post(`/v1/resellers/${reseller.id}/sub-purchases`, { ...AGENT, quantity: 10 });
    await admin.post(`/v1/resellers/${reseller.id}/queues`, { name: `Reseller queue ${name}` });
    for (const branch of groups) Object.assign(branch.ids, await furnishGroup(tenant, branch, adminId));
  }
  const child = await admin.post<SystemProviderView>('/v1/system-providers', {
    ...{ parentId: provider.id, key: `child-${name}`, name: `Child ${name}` },
    serverHostNames: [`child.${host}`],
  });
  const key = await admin.post<ApiKeyWithSecret>('/v1/api-keys', {
    ...{ level: 'system-provider', nodeId: provider.id, name: `Key ${name}`, permissions: ['write'] },
  });
  secrets['api key'] = key.key;
  const loginPassword = (secrets['robot'] = canary('interface-user'));
  const robot = await operator.post<InterfaceUserView>(`${at}/interface-users`, {
    ...{ userName: `robot-${name}`, email: `robot-${name}@security.example`, password: loginPassword },
    addresses: [{ address: '127.0.0.1' }],
  });
  tenant.robot = new BackOffice(stack.urls.soapUrl, { loginUserName: robot.userName, loginPassword }, host);
  await tenant.robot.must('Ping');
  const [{ reseller, groups }] = tenant.branches as [Tenant['branches'][0]];
  const [{ group, leaves }] = groups as [(typeof groups)[0]];
  const { broadworksUserId } = leaves[0]!.user;
  const grant = await admin.post<LicenseGrantView>('/v1/license-requests', {
    ...{ serverHostName: host, broadworksUserId, groupId: group.key, resellerId: reseller.key },
    application: 'UnityMobile',
  });
  secrets['granted client token'] = grant.clientToken!;
  const csv = `resellerId,groupId,broadworksUserId\r\n${reseller.key},${group.key},${broadworksUserId}`;
  const imported = await importCsv(admin, provider.id, csv);
  Object.assign(tenant.ids, {
    ...(await sessionOf(tenant.adminId, admin)),
    ...{ 'interface-users': robot.id, 'api-keys': key.id, purchases: bought.id, imports: imported.id },
    children: child.id,
  });
}

/** A group; its agent is a portal user of the reseller. */
async function furnishGroup(tenant: Tenant, { group, admin, adminId }: GroupBranch, agent: string) {
  const { name } = tenant;
  await tenant.admin.post(`/v1/groups/${group.id}/sub-purchases`, { ...AGENT, quantity: 2 });
  const queue = await tenant.admin.post<QueueView>(`/v1/groups/${group.id}/queues`, { name: `Queue ${name}` });
  const stream = await tenant.admin.post<MediaStreamView>(`/v1/queues/${queue.id}/media-streams`, {
    ...{ name: `Stream ${name}`, type: 'SMS', number: phone() },
  });
  await tenant.admin.post(`/v1/groups/${group.id}/agents`, { portalUserId: agent });
  return { queues: queue.id, 'media-streams': stream.id, agents: agent, ...(await sessionOf(adminId, admin)) };
}

async function importCsv(admin: PortalApi, providerId: string, csv: string): Promise<ImportView> {
  const response = await fetch(`${admin.gatewayUrl}/v1/system-providers/${providerId}/imports?fileName=users.csv`, {
    method: 'POST',
    headers: { authorization: `Bearer ${admin.token}`, 'content-type': 'text/csv' },
    body: csv,
  });
  const { id } = (await response.json()) as ImportView;
  return until('the end of the import', async () => {
    const now = await admin.get<ImportView>(`/v1/imports/${id}`);
    return now.finishedAt !== undefined && now;
  });
}
