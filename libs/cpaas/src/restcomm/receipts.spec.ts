import { restcommReceipt } from './receipts.js';

describe('Restcomm statuses (carrier-restcomm §4.2)', () => {
  it.each([
    ['queued', 'accepted'],
    ['sending', 'accepted'],
    ['sent', 'sent'],
    ['Delivered', 'delivered'],
    ['undelivered', 'undelivered'],
    ['failed', 'failed'],
  ])('%s means %s', (status, state) => expect(restcommReceipt(status)).toMatchObject({ state, recognized: true }));

  it('reads the error as a number and as a name', () => {
    for (const code of [30004, '30004', 'MESSAGE_BLOCKED'])
      expect(restcommReceipt('failed', code)).toMatchObject({ reason: 'message-blocked', recognized: true });
    expect(restcommReceipt('failed', 'MESSAGE_BLOCKED').nextStep).toContain('START');
  });

  it('gives a next step even to a failure with an unknown code', () => {
    expect(restcommReceipt('failed', 'SOMETHING_NEW')).toMatchObject({
      state: 'failed',
      reason: 'unknown-error',
      nextStep: expect.any(String),
      recognized: false,
    });
  });

  it('answers an unknown status instead of throwing', () => {
    expect(restcommReceipt('teleported')).toEqual({ state: 'unknown', recognized: false });
  });
});
