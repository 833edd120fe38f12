import { AppError } from '@strowger/kernel';
import { JetStreamApiError } from '@nats-io/jetstream';
import { errors as natsErrors } from '@nats-io/nats-core';

/** The stream could not be asked. `outcome: 'unknown'` when the message may have been stored all the same. */
export class StreamUnavailable extends AppError {
  constructor(about: string, options: { cause?: unknown; outcome?: 'unknown' } = {}) {
    super('unavailable', 'stream-unavailable', 'The message stream is away. Try again shortly.', { about }, options);
  }
}

/** More publishes are waiting for their acks than the process should hold. */
export class PublisherOverloaded extends AppError {
  constructor(limit: number) {
    super('unavailable', 'publisher-overloaded', 'Too many messages wait for the stream. Try again shortly.', {
      limit,
    });
  }
}

/** The stream looked at the message and said no: too large, or a limit of the stream. Repeating will not help. */
export class PublishRefused extends AppError {
  constructor(subject: string, cause: Error) {
    super('internal', 'publish-refused', `The stream refused a message: ${cause.message}.`, { subject }, { cause });
  }
}

/** Why a publish failed, as an AppError. No responders means nobody stored it; a timeout means nobody knows. */
export function publishError(subject: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  if (noResponders(cause)) return new StreamUnavailable(subject, { cause });
  if (cause instanceof JetStreamApiError) {
    return cause.status === 503 ? new StreamUnavailable(subject, { cause }) : new PublishRefused(subject, cause);
  }
  if (cause instanceof natsErrors.ClosedConnectionError || cause instanceof natsErrors.DrainingConnectionError) {
    return new StreamUnavailable(subject, { cause });
  }
  if (cause instanceof natsErrors.InvalidArgumentError) return new PublishRefused(subject, cause);
  return new StreamUnavailable(subject, { cause, outcome: 'unknown' });
}

/**
 * One line for an operator: code and sentence of our errors, else name and first line. Errors of the database driver
 * carry values of the row in their message, so only their name and SQLSTATE are kept.
 */
export function describeError(error: unknown): string {
  if (error instanceof AppError && error.kind !== 'internal') return `${error.code}: ${error.message}`;
  const thrown = error instanceof AppError && error.cause !== undefined ? error.cause : error;
  if (!(thrown instanceof Error)) return 'something that is no Error was thrown';
  const code = (thrown as { code?: unknown }).code;
  if (thrown instanceof AppError) return `${thrown.code}: ${thrown.message}`;
  return typeof code === 'string' ? `${thrown.name} ${code}` : `${thrown.name}: ${firstLine(thrown.message)}`;
}

/** An empty reply with status 503: no stream captures the subject, or JetStream is not up. */
function noResponders(error: unknown): boolean {
  if (error instanceof natsErrors.NoRespondersError) return true;
  if (error instanceof natsErrors.RequestError) return error.isNoResponders();
  return error instanceof Error && error.cause !== undefined && noResponders(error.cause);
}

const firstLine = (text: string): string => (text.split('\n', 1)[0] ?? '').slice(0, 200);
