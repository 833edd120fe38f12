import { hierarchyRpc, type Provision, type ProvisionBinding } from '@strowger/contracts-hierarchy';
import { shownCode } from '@strowger/http';
import { AppError, PLATFORM_SCOPE, type Actor } from '@strowger/kernel';
import { type Rpc } from '@strowger/rpc';
import { logger } from '@strowger/telemetry';
import type { Bound } from './bind.js';
import { callContactCentre } from './contact-centre.js';
import { serverError, SoapFault } from './faults.js';
import type { Operation } from './registry.js';
import type { Outcome } from './replies.js';

const log = logger('soap');

/** Where a call came from; goes into the login history. */
export interface Caller {
  address: string | undefined;
  forwardedFor: string | undefined;
  userAgent: string | undefined;
  requestId: string;
  binding: ProvisionBinding;
}

/** Too many calls of one account: answered with 503 and when to come again. */
export class TooMany extends Error {
  constructor(readonly retryAfterSeconds: number) {
    super('too many requests');
  }
}

/** Hierarchy finds out who it is; until then it is nobody. */
const NOBODY: Actor = { kind: 'interface-user', id: 'unknown', name: 'unknown' };
/** Codes of ours that have another name at this door. */
const CODES: Record<string, string> = {
  'invalid-input': 'PARAMETER_INVALID',
  'malformed-request': 'PARAMETER_INVALID',
  'access-forbidden': 'FORBIDDEN',
};

/** GROUP_EXISTS of `group-exists`. */
export const errorCodeOf = (code: string): string => CODES[code] ?? shownCode(code);

/** Hands bound calls to the services behind and turns what comes back into what is answered. */
export class Calls {
  constructor(
    private readonly rpc: Rpc,
    private readonly timeouts: { ms: number; slowMs: number },
    private readonly providersChanged: () => void,
  ) {}

  /**
   * Refusals are outcomes, not errors.
   * @throws SoapFault when something failed on our side; TooMany
   */
  async make(operation: Operation, bound: Bound, caller: Caller): Promise<Outcome> {
    const options = { timeoutMs: operation.slow ? this.timeouts.slowMs : this.timeouts.ms };
    try {
      const body: Provision = {
        operation: operation.name,
        parameters: bound.parameters,
        userName: bound.userName,
        password: bound.password,
        ...caller,
      };
      const request = { scope: PLATFORM_SCOPE, actor: NOBODY, body };
      const reply = await this.rpc.call(hierarchyRpc.provision, request, { ...options, bundled: true });
      if (operation.changesProviders) this.providersChanged();
      if (!reply.target) return { data: reply.data };
      return { data: await callContactCentre(this.rpc, operation.name, bound.parameters, reply.target, options) };
    } catch (error) {
      return refused(AppError.wrap(error), operation, caller);
    }
  }
}

/** What an error means to the caller. Says nothing of a bug but the id by which the log knows it. */
export function refused(error: AppError, { name: operation }: Pick<Operation, 'name'>, { requestId }: Caller): Outcome {
  if (error.kind === 'internal') {
    log.error({ operation, requestId, err: error.cause ?? error }, 'soap-call-failed');
    throw new SoapFault('Server', serverError(requestId));
  }
  if (error.kind === 'unavailable') {
    log.warn({ operation, requestId, code: error.code }, 'soap-call-unavailable');
    throw new SoapFault('Server', serverError(requestId, error.message));
  }
  if (error.kind === 'rate-limited') throw new TooMany(error.retryAfterSeconds ?? 1);
  return { code: errorCodeOf(error.code), message: error.message };
}
