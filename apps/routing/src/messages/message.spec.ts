import { MESSAGE_STATES, type MessageState } from '@strowger/contracts-routing';
import { CAUSES, LEASE_SECONDS, mayMove, stateAfter, stateOfParts, transition, type Cause } from './message.js';

const AT = new Date('2026-11-20T12:00:00Z');
const AGAIN = new Date('2026-11-20T12:05:00Z');
const FAILURE = { reason: 'carrier-refused', nextStep: 'Check the number.' };
const EARLIER = { reason: 'outcome-unknown', nextStep: 'Wait.' };

/** Every move there is; a pair that is not here is refused. */
const MOVES: readonly [from: MessageState, cause: Cause, to: MessageState][] = [
  ['held', 'licensed', 'received'],
  ['queued', 'claimed', 'submitting'],
  ['submitting', 'handed-back', 'queued'],
  ['submitting', 'searched', 'submitted-unknown'],
  ['submitted-unknown', 'searched', 'submitted-unknown'],
  ['submitting', 'accepted', 'accepted'],
  ['submitting', 'unanswered', 'submitted-unknown'],
  ['submitted-unknown', 'unanswered', 'submitted-unknown'],
  ['submitting', 'not-taken', 'queued'],
  ['submitted-unknown', 'not-taken', 'queued'],
  ['submitting', 'given-up', 'failed'],
  ['submitted-unknown', 'given-up', 'failed'],
  ['submitting', 'opted-out', 'blocked'],
  ['failed', 'retried', 'queued'],
  ['undelivered', 'retried', 'queued'],
  ['rejected', 'retried', 'queued'],
  ['expired', 'retried', 'queued'],
  ['submitted-unknown', 'found:accepted', 'accepted'],
  ['submitted-unknown', 'found:sent', 'sent'],
  ['submitted-unknown', 'found:delivered', 'delivered'],
  ['submitted-unknown', 'found:undelivered', 'undelivered'],
  ['submitted-unknown', 'found:rejected', 'rejected'],
  ['submitted-unknown', 'found:expired', 'expired'],
  ['submitted-unknown', 'found:unknown', 'unknown'],
  ['submitted-unknown', 'found:failed', 'failed'],
  ['accepted', 'receipt:sent', 'sent'],
  ['accepted', 'receipt:delivered', 'delivered'],
  ['accepted', 'receipt:undelivered', 'undelivered'],
  ['accepted', 'receipt:rejected', 'rejected'],
  ['accepted', 'receipt:expired', 'expired'],
  ['accepted', 'receipt:unknown', 'unknown'],
  ['accepted', 'receipt:failed', 'failed'],
  ['sent', 'receipt:delivered', 'delivered'],
  ['sent', 'receipt:undelivered', 'undelivered'],
  ['sent', 'receipt:rejected', 'rejected'],
  ['sent', 'receipt:expired', 'expired'],
  ['sent', 'receipt:unknown', 'unknown'],
  ['sent', 'receipt:failed', 'failed'],
  ['unknown', 'receipt:delivered', 'delivered'],
  ['expired', 'receipt:delivered', 'delivered'],
];
const message = (state: MessageState) => ({ state, attempts: 3, failure: EARLIER });
const pairs = MESSAGE_STATES.flatMap((from) => CAUSES.map((cause) => [from, cause] as const));

describe('a message', () => {
  it.each(pairs)('that is %s: %s', (from, cause) => {
    const to = MOVES.find(([state, why]) => state === from && why === cause)?.[2];
    expect(transition(message(from), cause, AT)?.state).toBe(to);
    expect(mayMove(message(from), cause)).toBe(to !== undefined);
    if (to !== undefined) expect(stateAfter(cause)).toBe(to);
  });

  it('comes to each state but the ones it begins with', () => {
    const reached = new Set(MOVES.map(([, , to]) => to));
    expect(MESSAGE_STATES.filter((state) => !reached.has(state))).toEqual(['held']);
  });

  it('goes back in line only when a new attempt is made or one is taken out', () => {
    const back = MOVES.filter(([, , to]) => to === 'queued').map(([, cause]) => cause);
    expect(new Set(back)).toEqual(new Set(['handed-back', 'not-taken', 'retried']));
  });
});

describe('a move', () => {
  it('begins an attempt when it is claimed, and holds it for the lease', () => {
    expect(transition(message('queued'), 'claimed', AT, { again: AGAIN, failure: FAILURE })).toEqual({
      state: 'submitting',
      attempts: 4,
      nextAttemptAt: new Date(AT.getTime() + LEASE_SECONDS * 1000),
      failure: EARLIER,
    });
  });

  it('takes the attempt out again when it is handed back', () => {
    expect(transition(message('submitting'), 'handed-back', AT, { again: AGAIN })).toEqual({
      state: 'queued',
      attempts: 2,
      nextAttemptAt: AGAIN,
      failure: EARLIER,
    });
  });

  it('keeps the attempt and the lease while it is searched for', () => {
    expect(transition(message('submitting'), 'searched', AT)).toEqual({
      state: 'submitted-unknown',
      attempts: 3,
      nextAttemptAt: new Date(AT.getTime() + LEASE_SECONDS * 1000),
      failure: EARLIER,
    });
  });

  it.each<[MessageState, Cause]>([
    ['submitting', 'not-taken'],
    ['submitted-unknown', 'unanswered'],
  ])('of a message %s that is %s waits as long as the caller says, and shows why', (from, cause) => {
    const given = { again: AGAIN, failure: FAILURE };
    expect(transition(message(from), cause, AT, given)).toMatchObject({ nextAttemptAt: AGAIN, failure: FAILURE });
  });

  it('is due at once when a person asks for it, with nothing left of the failure', () => {
    expect(transition(message('failed'), 'retried', AT)).toEqual({
      state: 'queued',
      attempts: 3,
      nextAttemptAt: AT,
      failure: null,
    });
  });

  it.each(
    MOVES.filter(
      ([, cause]) => !['claimed', 'handed-back', 'searched', 'unanswered', 'not-taken', 'retried'].includes(cause),
    ),
  )('of a message %s by %s leaves nothing to do', (from, cause) => {
    const given = { again: AGAIN, failure: FAILURE };
    expect(transition(message(from), cause, AT, given)).toMatchObject({ nextAttemptAt: null, failure: FAILURE });
  });
});

describe('the states of its parts', () => {
  const of = (...states: Parameters<typeof stateOfParts>[0][number]['state'][]) =>
    stateOfParts(states.map((state, part) => ({ part, state })));

  it('come to the worst where all have ended', () => {
    expect(of('delivered', 'delivered')).toBe('delivered');
    expect(of('delivered', 'unknown', 'delivered')).toBe('unknown');
    expect(of('expired', 'undelivered', 'delivered')).toBe('undelivered');
  });

  it('come to a failure as soon as one part cannot arrive', () => {
    expect(of('accepted', 'undelivered')).toBe('undelivered');
    expect(of('failed', 'sent')).toBe('failed');
  });

  it('come to the slowest while one is under way', () => {
    expect(of('delivered', 'accepted', 'sent')).toBe('accepted');
    expect(of('sent', 'unknown')).toBe('sent');
    expect(of('submitted-unknown', 'accepted')).toBe('submitted-unknown');
  });
});
