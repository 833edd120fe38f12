import * as h from '@strowger/contracts-hierarchy';
import { hierarchyRpc as rpc, type LicenseDecision, type LicenseGrantView } from '@strowger/contracts-hierarchy';
import type { Tokens } from '../auth/tokens.js';
import { routes } from './route.js';

/** With a license comes the token that opens the client's socket; without one there is nothing to open. */
async function withClientToken(decision: LicenseDecision, tokens: Tokens): Promise<LicenseGrantView> {
  const { license, userId, systemProviderId, userName } = decision;
  if (!license || !userId || !systemProviderId) return decision;
  const token = await tokens.forClient({ id: userId, systemProviderId, name: userName ?? '' });
  return { ...decision, ...token, tokenType: 'Bearer' };
}

const clients = routes('License requests');

clients.add('POST /v1/license-requests', rpc.requestLicense, {
  summary: 'Ask for the license of a client that starts',
  description: [
    'The location service asks this for each client that starts, and again before the client token ends. The account is found by the server host name and the ids as they are in BroadWorks: `matched`, `created` if the system provider lets clients create accounts, or `rejected` with a `reason`.',
    'A permanent license is served first (the highest of the application), then the trial that runs; without either a trial begins, once for ever per user id and application.',
    'Called by a service, never by the clients themselves: send an API key of the system provider with the permission `license-requests:write` (and no other), kept on that server, or the access token of one of its administrators. A client cannot prove who it is, so anyone who may ask this may act as any user of the system provider: give the key to nobody else.',
    'Limited per account and per caller: 429 says in `Retry-After` when to ask again. Safe to repeat.',
  ].join('\n\n'),
  access: 'write',
  response: { view: h.LicenseGrantView },
  errors: { 'unknown-application': 'invalid', 'provider-not-found': 'not-found' },
  rate: ({ serverHostName, broadworksUserId, application }) =>
    [serverHostName, broadworksUserId, application]
      .map((part) => (typeof part === 'string' ? part.toLowerCase() : ''))
      .join('\0'),
  mint: withClientToken,
  example: {
    request: {
      serverHostName: 'xsp1.carrier.example',
      broadworksUserId: 'chris@acme.example',
      resellerId: 'acme',
      groupId: 'acme-hq',
      userName: 'Chris Tutt',
      application: 'UnityDesktop',
    },
    response: {
      outcome: 'matched',
      userId: '01934f5e-8f3a-7c21-b0a4-6f2f6a1d9c10',
      systemProviderId: '01934f5e-8f3a-7c21-b0a4-6f2f6a1d9c11',
      userName: 'Chris Tutt',
      license: {
        kind: 'trial',
        application: 'UnityDesktop',
        licenseType: 'Anywhere',
        features: ['messaging'],
        expiresAt: '2026-12-04T09:30:00.000Z',
      },
      clientToken: 'eyJhbGciOiJIUzI1NiJ9…',
      expiresIn: 900,
      tokenType: 'Bearer',
    },
  },
});

const terms = routes('Licenses');

const trialList = {
  access: 'read',
  response: { view: h.TrialView, as: 'page' },
  description:
    'Newest first. A trial is kept for ever: it is given once per user id (in any case) and application, also when the user is deleted and comes back.',
} as const;
terms.add('GET /v1/trials', rpc.listTrials, { summary: 'List trials', ...trialList });
terms.add('GET /v1/system-providers/:parentId/trials', rpc.listTrials, {
  summary: 'List the trials of a system provider',
  ...trialList,
});
terms.add('GET /v1/resellers/:parentId/trials', rpc.listTrials, {
  summary: 'List the trials of a reseller',
  ...trialList,
});
terms.add('GET /v1/groups/:parentId/trials', rpc.listTrials, { summary: 'List the trials of a group', ...trialList });

terms.add('GET /v1/users/:id/license-holdings', rpc.listLicenseHoldings, {
  summary: 'What a user has: permanent licenses and running trials, each with its end',
  access: 'read',
  response: { view: h.LicenseHoldingView, as: 'list' },
});

terms.add('GET /v1/system-providers/:id/license-forecast', rpc.getLicenseForecast, {
  summary: 'When each product runs out',
  description:
    'From what is free now, the net assignments per day over the last `days`, and the known beginnings and ends of purchases. `exhaustedAt` is absent when it never comes at this rate.',
  access: 'read',
  response: { view: h.ForecastView, as: 'list' },
});

export const licenseTermRoutes = [...clients.all, ...terms.all];
