import * as p from '@strowger/contracts-provisioning';
import { provisioningRpc as rpc, type NumberOutcome } from '@strowger/contracts-provisioning';
import { AppError } from '@strowger/kernel';
import { routes, type Answer } from './route.js';
import { findOperation } from './tree-answers.js';

const refused = {
  'platform-credentials-refused': 'invalid',
  'connector-application-missing': 'invalid',
  'alert-recipient-required': 'conflict',
  'platform-unavailable': 'unavailable',
} as const;

/** 201 with the number when done within the wait, the reason when it failed, else 202 with the operation. */
function settled(whenDone: (outcome: NumberOutcome) => Answer): (outcome: NumberOutcome) => Answer {
  return (outcome) => {
    const { operation } = outcome;
    if (operation.state === 'succeeded') return whenDone(outcome);
    if (operation.error && operation.state !== 'running') throw AppError.from(operation.error);
    return {
      status: 202,
      body: operation,
      headers: { location: `/v1/operations/${operation.id}`, 'retry-after': '2' },
    };
  };
}

const platforms = routes('Platforms');
platforms.add('POST /v1/system-providers/:systemProviderId/platforms', rpc.createPlatform, {
  summary: 'Connect a CPaaS platform',
  description:
    'Verified at the carrier first: the credentials, and that an application named exactly `UnitySmsConnector` exists. Nothing is saved when either fails, or when nobody at the system provider receives alerts.',
  access: 'write',
  status: 201,
  response: { view: p.PlatformView },
  idempotent: true,
  errors: refused,
});
platforms.add('GET /v1/system-providers/:systemProviderId/platforms', rpc.listPlatforms, {
  summary: 'List the platforms of a system provider',
  access: 'read',
  response: { view: p.PlatformView, as: 'list' },
});
platforms.add('GET /v1/platforms/:id', rpc.getPlatform, {
  summary: 'Read a platform',
  description: 'Account and secrets are masked.',
  access: 'read',
  response: { view: p.PlatformView },
  versioned: true,
});
platforms.add('PATCH /v1/platforms/:id', rpc.updatePlatform, {
  summary: 'Change a platform',
  description: 'New credentials are verified first.',
  access: 'write',
  response: { view: p.PlatformView },
  versioned: true,
  errors: refused,
});
platforms.add('DELETE /v1/platforms/:id', rpc.deletePlatform, {
  summary: 'Remove a platform',
  access: 'write',
  response: null,
  errors: { 'platform-has-numbers': 'conflict' },
});
platforms.add('POST /v1/platforms/:id/verify', rpc.verifyPlatform, {
  summary: 'Verify the stored credentials now',
  access: 'write',
  response: { view: p.PlatformView },
  errors: refused,
});
platforms.add('POST /v1/platforms/:id/rotate-webhook', rpc.rotateWebhook, {
  summary: 'Make a new webhook URL; the old one works for another 24 hours',
  access: 'write',
  response: { view: p.PlatformView },
});

const numbers = routes('Numbers');
numbers.add('POST /v1/users/:userId/numbers', rpc.assignNumber, {
  summary: 'Add a number to a user and SMS-enable it',
  description:
    'Adds the number at the platform, then enables it at Message Exchange where the platform has a token, and undoes all of it when either refuses. A number that answers `pending` is checked every 20 minutes until the enablement job ends.',
  access: 'write',
  status: 201,
  response: { view: p.NumberView },
  idempotent: 'numberId',
  waits: true,
  errors: {
    'number-invalid': 'invalid',
    'number-already-assigned': 'conflict',
    'platform-required': 'invalid',
    'no-platform': 'conflict',
    'number-request-differs': 'conflict',
    'sms-enablement-refused': 'conflict',
    'platform-refused-number': 'conflict',
    'number-cleanup-required': 'conflict',
  },
  answer: settled(({ number }) => ({
    status: 201,
    body: number,
    headers: { location: `/v1/numbers/${number!.id}`, etag: `"${number!.version}"` },
  })),
});
numbers.add('GET /v1/numbers', rpc.listNumbers, {
  summary: 'List numbers',
  description: '`search` matches number, friendly name and owner; wildcards are implied.',
  access: 'read',
  response: { view: p.NumberView, as: 'page' },
});
numbers.add('GET /v1/users/:userId/numbers', rpc.listNumbers, {
  summary: "A user's numbers",
  ofUser: true,
  access: 'read',
  response: { view: p.NumberView, as: 'page' },
});
numbers.add('GET /v1/numbers/:id', rpc.getNumber, {
  summary: 'Read a number',
  access: 'read',
  response: { view: p.NumberView },
  versioned: true,
});
numbers.add('PATCH /v1/numbers/:id', rpc.updateNumber, {
  summary: "Change a number's friendly name",
  access: 'write',
  response: { view: p.NumberView },
  versioned: true,
});
numbers.add('DELETE /v1/numbers/:id', rpc.releaseNumber, {
  summary: 'Release a number',
  description: 'With `deleteMessages=true` the messages of the ended assignment go too.',
  access: 'write',
  response: { view: p.NumberView },
  waits: true,
  errors: { 'number-state-conflict': 'conflict' },
  answer: settled(({ number }) => ({ status: 200, body: number })),
});
numbers.add('POST /v1/numbers/:id/refresh-status', rpc.refreshNumber, {
  summary: 'Check the enablement job now',
  access: 'write',
  response: { view: p.NumberView },
  errors: { 'refreshed-recently': 'rate-limited' },
});
numbers.add('POST /v1/numbers/:id/retry-enablement', rpc.retryEnablement, {
  summary: 'Try a failed enablement again',
  access: 'write',
  response: { view: p.NumberView },
  errors: { 'number-state-conflict': 'conflict', 'enablement-still-failed': 'conflict' },
});
numbers.add('GET /v1/numbers/:id/timeline', rpc.numberTimeline, {
  summary: 'Every step, poll and carrier request of a number, redacted',
  access: 'read',
  response: { view: p.TimelineEntryView, as: 'list' },
});

const operations = routes('Operations');
operations.add('GET /v1/operations/:id', rpc.getOperation, {
  summary: 'How a long piece of work stands',
  description:
    'Assignments and releases of numbers, and deletions in the hierarchy, which have succeeded when the last number ' +
    'under what was deleted has been released.',
  access: 'read',
  response: { view: p.OperationView },
  compose: findOperation,
});

export const provisioningRoutes = [platforms, numbers, operations].flatMap((r) => r.all);
