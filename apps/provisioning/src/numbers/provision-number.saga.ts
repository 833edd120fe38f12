/** Putting a number on a platform: the carrier's own steps, then SMS-enablement where the platform has it (design §5). */
import {
  carriers,
  ExchangeRejected,
  lookAgain,
  type Carrier,
  type CarrierAccess,
  type MessageExchangePort,
  type NumberStepContext,
  type NumberUndoContext,
} from '@strowger/cpaas';
import type { AppError } from '@strowger/kernel';
import { defineSaga, type SagaDefinition } from '@strowger/saga';
import type { NumberOutcomes } from './number-outcomes.service.js';
import { pick, requestEnablement, type Requested } from './request-enablement.js';
import type { Recorder } from './timeline.service.js';

export interface ProvisionNumber {
  numberId: string;
  platformId: string;
  e164: string;
  friendlyName: string;
  /** As people call the carrier, for sentences: kept, because they must not change under a saga. */
  platformLabel: string;
}

export interface ProvisionDeps {
  access: CarrierAccess;
  /** Absent when the platform needs no SMS-enablement of its own. */
  exchange?: MessageExchangePort;
  webhookUrl: () => Promise<string>;
  record: Recorder['step'];
  outcomes: NumberOutcomes;
  /** When to look after a write with an unknown outcome. */
  lookAgainMs: readonly number[];
}

type Outputs = Readonly<Record<string, unknown>>;
type Context = ProvisionDeps & { input: ProvisionNumber; signal?: AbortSignal; output: Outputs };

const carrierContext = (c: Context): NumberStepContext<CarrierAccess, unknown> => ({
  access: c.access,
  number: { e164: c.input.e164, friendlyName: c.input.friendlyName },
  webhookUrl: c.webhookUrl,
  output: c.output,
  signal: c.signal,
  lookAgain: (look) => lookAgain(c.lookAgainMs, look, c.signal),
});

const undoContext = (
  c: Context & { failure: AppError; failedStep: string },
): NumberUndoContext<CarrierAccess, Outputs> => ({
  ...carrierContext(c),
  output: c.output,
  failure: c.failure,
  failedStep: c.failedStep,
});

/** The carrier's steps, each with its sentences in the number's timeline. */
function carrierSteps(carrier: Carrier, name: string): SagaDefinition<ProvisionNumber, ProvisionDeps, Outputs> {
  let saga = defineSaga<ProvisionNumber>(name).needs<ProvisionDeps>() as SagaDefinition<
    ProvisionNumber,
    ProvisionDeps,
    Outputs
  >;
  for (const { name: step, step: own } of carrier.provisioning.steps) {
    const { probe, undo, says } = own;
    saga = saga.step(step, {
      run: (c) =>
        c.record(
          `provision.${step}`,
          (result) => says.done(result),
          () => own.run(carrierContext(c)),
        ),
      probe:
        probe &&
        ((c) =>
          c.record(
            `provision.${step}`,
            (found) => says.found?.(found !== undefined) ?? (found === undefined ? 'Not done.' : 'Done.'),
            () => probe.call(own, carrierContext(c)),
          )),
      undo:
        undo &&
        ((c) =>
          c.record(
            `provision.undo.${step}`,
            (undone) => says.undone?.(undone) ?? (undone ? 'Taken back.' : 'Nothing to take back.'),
            () => undo.call(own, undoContext(c)),
          )),
    });
  }
  return saga;
}

/** The hooks end a number's provisioning, because that concerns only our own database and commits with the journal. */
const define = (carrier: Carrier, name: string) =>
  carrierSteps(carrier, name)
    .step('lookUpEnablement', {
      retry: { attempts: 2 },
      run: async (c): Promise<{ known: Omit<Requested, 'added'> | null }> => {
        const { exchange } = c;
        if (!exchange) return { known: null };
        return c.record(
          'provision.lookUpEnablement',
          ({ known }) =>
            known ? `Message Exchange says ${known.state}.` : 'Message Exchange does not know the number.',
          async () => {
            const known = await exchange.lookup(c.input.e164);
            if (known?.state === 'failed') throw new ExchangeRejected(known.reason ?? 'No reason given');
            return { known: known && pick(known) };
          },
        );
      },
    })
    .step('requestEnablement', {
      run: async (c): Promise<Requested | null> => {
        const { exchange } = c;
        const { known } = c.output.lookUpEnablement;
        if (!exchange) return null;
        if (known) return { ...known, added: false };
        return c.record(
          'provision.requestEnablement',
          ({ state, jobId }) => `Message Exchange says ${state}${jobId ? `, job ${jobId}` : ''}.`,
          async () => {
            const requested = await requestEnablement(exchange, c.input.e164, c);
            if (requested.state === 'failed') throw new ExchangeRejected(requested.reason ?? 'No reason given');
            return requested;
          },
        );
      },
      probe: async (c): Promise<Requested | null | undefined> => {
        const { exchange } = c;
        if (!exchange || c.output.lookUpEnablement.known) return undefined;
        return c.record(
          'provision.requestEnablement',
          (found) => (found ? 'It had been asked for.' : 'It had not been asked for.'),
          async () => {
            const found = await exchange.lookup(c.input.e164);
            return found && found.state !== 'failed' ? { ...pick(found), added: true } : undefined;
          },
        );
      },
      undo: async (c) => {
        const { exchange, failure } = c;
        const asked = c.output.requestEnablement;
        // After a definite refusal there is nothing to remove; what was there before us stays.
        const refused = ['exchange-rejected', 'exchange-unauthorized'].includes(failure.code);
        if (!exchange || c.output.lookUpEnablement.known || asked?.added === false || (refused && !asked)) return;
        await c.record(
          'provision.undo.requestEnablement',
          (done) =>
            done ? 'Taken off Message Exchange again.' : 'Can’t be taken off Message Exchange now; it will be.',
          async () => {
            try {
              await exchange.remove(c.input.e164);
              return true;
            } catch {
              // A job still running, or no answer: neither may keep the number at the platform, where it costs money.
              await c.outcomes.removeFromExchangeLater(c.input);
              return false;
            }
          },
        );
      },
    })
    .onDone(async (c, em) => {
      const { requestEnablement: enablement, ...output } = c.output;
      const result = carrier.provisioning.result(output);
      if (!result) throw new Error(`the steps of ${carrier.manifest.kind} ended without a result`);
      await c.outcomes.provisioned(em, c.input.numberId, { ...result, enablement: enablement ?? undefined });
    })
    .onUndone((c, error, em) => c.outcomes.assignmentFailed(em, c.input.numberId, reasonOf(error)))
    .onStuck((c, error, em) => c.outcomes.cleanupRequired(em, c.input.numberId, reasonOf(error)))
    .build();

export type ProvisionNumberSaga = ReturnType<typeof define>;

/** Finishes what version 0.1.0 began, when there was one carrier; the same steps under another name. */
const FIRST = { name: 'provisioning.provision-number.v1', kind: 'restcomm' };

const known = new Map<string, ProvisionNumberSaga>();
function defined(carrier: Carrier, name: string): ProvisionNumberSaga {
  const saga = known.get(name) ?? define(carrier, name);
  known.set(name, saga);
  return saga;
}

/** Puts numbers on this carrier. A carrier whose steps change takes the next version, and keeps this one until it is drained. */
export const provisionNumberAt = (carrier: Carrier): ProvisionNumberSaga =>
  defined(carrier, `provisioning.provision-number.${carrier.manifest.kind}.v2`);

/** Every definition a number may be in, with its carrier. */
export const provisionSagas = (): { saga: ProvisionNumberSaga; carrier: Carrier }[] =>
  carriers().flatMap((carrier) => [
    { saga: provisionNumberAt(carrier), carrier },
    ...(carrier.manifest.kind === FIRST.kind ? [{ saga: defined(carrier, FIRST.name), carrier }] : []),
  ]);

/** The carrier's words where it gave any. */
export const reasonOf = (error: Pick<AppError, 'message' | 'details'>): string =>
  typeof error.details['reason'] === 'string' ? error.details['reason'] : error.message;

export const isUnconfirmed = (error: Pick<AppError, 'code' | 'outcome'>): boolean =>
  error.outcome === 'unknown' || error.code === 'enablement-unconfirmed';
