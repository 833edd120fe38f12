import { NumberActivatedV1, NumberEnablementFailedV1 } from '@strowger/contracts-provisioning';
import { newId } from '@strowger/kernel';
import { CpaasNumber } from './number.entity.js';
import { parseNumber } from './number-parsing.js';

const at = new Date('2026-11-20T10:00:00Z');
const later = (hours: number): Date => new Date(at.getTime() + hours * 3600_000);
const timing = { nextCheckAt: later(1), giveUpHours: 24 };
const owner = {
  id: newId(),
  systemProviderId: newId(),
  resellerId: newId(),
  groupId: newId(),
  name: 'Chris Tutt',
  broadworksUserId: 'chris@acme.example',
  version: 3,
};
const reserved = (): CpaasNumber =>
  CpaasNumber.reserve({ id: newId(), e164: '+12012010580', platformId: newId() }, owner, at);
const pending = (): CpaasNumber => {
  const number = reserved();
  const enablement = { state: 'pending' as const, jobId: '8471' };
  expect(number.provisioned({ carrierSid: 'PN1', createdByUs: true, enablement }, at, later(1))).toBeUndefined();
  return number;
};
const failed = { state: 'failed' as const, jobId: null, reason: 'Invalid numbers' };
const enabled = { state: 'enabled' as const, jobId: null, reason: null };

it('is named by its ten digits unless a friendly name is given', () => {
  expect(reserved().friendlyName).toBe('2012010580');
});

it('activates once, however often that is confirmed', () => {
  const number = pending();
  expect(number.enablementChecked(enabled, at, timing)).toMatchObject({ type: NumberActivatedV1.type, sequence: 3 });
  expect(number.enablementChecked(enabled, at, timing)).toBeUndefined();
  expect(number.enablementChecked(failed, at, timing)).toBeUndefined();
  expect(number).toMatchObject({ state: 'active', enablement: 'enabled', nextCheckAt: null });
});

it('fails once, and a later success still counts', () => {
  const number = pending();
  expect(number.enablementChecked(failed, at, timing)).toMatchObject({ type: NumberEnablementFailedV1.type });
  expect(number.enablementChecked(failed, at, timing)).toBeUndefined();
  expect(number).toMatchObject({ state: 'failed', enablementReason: 'Invalid numbers', nextCheckAt: null });
  expect(number.enablementChecked(enabled, at, timing)).toMatchObject({ type: NumberActivatedV1.type });
});

it('waits through errors until the time is up', () => {
  const number = pending();
  expect(number.checkFailed(later(23), timing)).toBeUndefined();
  expect(number).toMatchObject({ state: 'pending', checkErrors: 1 });
  const fact = number.checkFailed(later(24), timing);
  expect(fact).toMatchObject({ data: { reason: 'No result from Message Exchange after 24 hours' } });
});

it('is released from what it can be released from, once', () => {
  expect(() => reserved().release(newId(), false)).toThrow('provisioning');
  const number = pending();
  const operation = newId();
  expect(number.release(operation, true)).toBe(true);
  expect(number.release(newId(), false)).toBe(false);
  expect(number).toMatchObject({ state: 'releasing', releaseOperationId: operation, nextCheckAt: null });
  expect(number.enablementChecked(failed, at, timing)).toBeUndefined();
  expect(number.released(at)).toMatchObject({ data: { deleteMessages: true } });
  expect(number.released(at)).toBeUndefined();
});

it('takes the owner’s newest name only', () => {
  const number = reserved();
  number.ownerChanged({ ...owner, name: 'Old' }, 3);
  expect(number.ownerName).toBe('Chris Tutt');
  number.ownerChanged({ ...owner, name: 'New' }, 4);
  expect(number.ownerName).toBe('New');
});

it('reads ten digits as people write them, and longer ones only when lenient', () => {
  for (const text of ['2012010580', '1 201 201 0580', '+1 (201) 201-0580', '201.201.0580'])
    expect(parseNumber(text, 'strict')).toBe('+12012010580');
  expect(() => parseNumber('20120105500000', 'strict')).toThrow('ten-digit');
  expect(parseNumber('20120105500000', 'lenient')).toBe('+20120105500000');
  expect(() => parseNumber('abc', 'lenient')).toThrow('ten-digit');
});
