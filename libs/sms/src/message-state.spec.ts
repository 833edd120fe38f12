import { advance, isFinal, MESSAGE_STATES, stateOfSmppStat, type MessageState } from './message-state.js';

describe('a message moves only forwards (messaging-rules §9)', () => {
  it.each<[MessageState, MessageState]>([
    ['queued', 'submitting'],
    ['queued', 'blocked'],
    ['submitting', 'accepted'],
    ['submitting', 'submitted-unknown'],
    ['submitted-unknown', 'accepted'],
    ['submitted-unknown', 'delivered'],
    ['submitted-unknown', 'failed'],
    ['accepted', 'sent'],
    ['accepted', 'delivered'],
    ['sent', 'undelivered'],
    ['unknown', 'delivered'],
    ['expired', 'delivered'],
  ])('%s becomes %s', (current, next) => expect(advance(current, next)).toBe(true));

  it.each<[MessageState, MessageState]>([
    ['delivered', 'sent'],
    ['delivered', 'undelivered'],
    ['failed', 'delivered'],
    ['sent', 'accepted'],
    ['accepted', 'submitted-unknown'],
    ['accepted', 'queued'],
    ['unknown', 'undelivered'],
    ['accepted', 'blocked'],
    ['blocked', 'delivered'],
    ['sent', 'sent'],
  ])('%s does not become %s', (current, next) => expect(advance(current, next)).toBe(false));

  it('never leads back to a state it came from', () => {
    for (const a of MESSAGE_STATES) for (const b of MESSAGE_STATES) expect(advance(a, b) && advance(b, a)).toBe(false);
  });

  it('ends in seven final states', () => expect(MESSAGE_STATES.filter(isFinal)).toHaveLength(7));
});

it.each([
  ['DELIVRD', 'delivered'],
  ['ACCEPTD', 'accepted'],
  ['ENROUTE', 'accepted'],
  ['EXPIRED', 'expired'],
  ['DELETED', 'undelivered'],
  ['UNDELIV', 'undelivered'],
  ['REJECTD', 'rejected'],
  ['UNKNOWN', 'unknown'],
  ['delivrd', 'delivered'],
  ['what?', 'unknown'],
])('SMPP %s means %s', (stat, state) => expect(stateOfSmppStat(stat)).toBe(state));
