import {
  ExchangeAlreadyExists,
  ExchangeAmbiguous,
  type EnablementRecord,
  type MessageExchangePort,
  lookAgain,
} from '@strowger/cpaas';
import { AppError } from '@strowger/kernel';

export type Requested = Pick<EnablementRecord, 'state' | 'jobId' | 'reason'> & {
  /** Message Exchange did not know the number before us. */
  added: boolean;
};

/** Asked, and afterwards nobody could tell whether it was heard. */
export class EnablementUnconfirmed extends AppError {
  constructor(cause?: unknown) {
    super(
      'conflict',
      'enablement-unconfirmed',
      'Message Exchange did not answer, and the number could not be found there afterwards.',
      {},
      { cause },
    );
  }
}

/**
 * Adds a number Message Exchange doesn't know. Somebody faster, and an answer that got lost, are settled by looking.
 * Throws ExchangeRejected for a definite no, EnablementUnconfirmed when looking doesn't tell.
 */
export async function requestEnablement(
  exchange: MessageExchangePort,
  e164: string,
  { lookAgainMs, signal }: { lookAgainMs: readonly number[]; signal?: AbortSignal },
): Promise<Requested> {
  try {
    const { state, jobId } = await exchange.add(e164);
    return { state, jobId, reason: null, added: true };
  } catch (error) {
    if (error instanceof ExchangeAlreadyExists) {
      const found = await exchange.lookup(e164);
      return found ? { ...pick(found), added: false } : { state: 'pending', jobId: null, reason: null, added: false };
    }
    if (!(error instanceof ExchangeAmbiguous)) throw error;
    const found = await lookAgain(lookAgainMs, () => exchange.lookup(e164), signal);
    if (!found) throw new EnablementUnconfirmed(error);
    return { ...pick(found), added: true };
  }
}

export const pick = ({ state, jobId, reason }: EnablementRecord): Omit<Requested, 'added'> => ({
  state,
  jobId,
  reason,
});
