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

/** The request was sent, and looking could not decide whether it was taken. */
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
 * Adds a number that Message Exchange doesn't know. After a conflict or a lost answer it looks at what is there.
 * Throws ExchangeRejected for a definite refusal, EnablementUnconfirmed when looking can't decide.
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
