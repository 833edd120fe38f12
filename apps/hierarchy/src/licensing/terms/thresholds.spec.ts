import { calendarDays, dueThreshold } from './thresholds.js';

const expiresAt = new Date('2027-03-01T02:00:00Z');
const item = { startedAt: new Date('2026-03-01T00:00:00Z'), expiresAt };
const due = (now: string, timeZone = 'UTC') => dueThreshold(item, new Date(now), timeZone)?.threshold;

it.each([
  ['2027-01-29T23:59:59Z', undefined],
  ['2027-01-30T00:00:00Z', 30],
  ['2027-02-14T12:00:00Z', 30],
  ['2027-02-15T00:00:00Z', 14],
  ['2027-02-22T00:00:00Z', 7],
  ['2027-02-27T23:00:00Z', 7],
  ['2027-02-28T00:00:00Z', 1],
  ['2027-03-01T00:00:00Z', 0],
  ['2027-03-09T00:00:00Z', 0],
])('at %s the nearest due threshold is %p', (now, threshold) => {
  expect(due(now)).toBe(threshold);
});

it("counts days by the recipient's calendar: the same instant is another day elsewhere", () => {
  // 02:00 UTC on 1 March is still 28 February in Chicago, and the day before is 27 February there.
  expect(due('2027-02-28T05:00:00Z', 'America/Chicago')).toBe(1);
  expect(due('2027-02-28T06:00:00Z', 'America/Chicago')).toBe(0);
  expect(due('2027-02-27T15:00:00Z', 'Asia/Tokyo')).toBe(1);
});

it('counts days across a change of the clocks', () => {
  const zone = 'Europe/London';
  expect(calendarDays(new Date('2027-03-27T23:30:00Z'), new Date('2027-03-28T23:30:00Z'), zone)).toBe(2);
  expect(calendarDays(new Date('2027-10-30T23:30:00Z'), new Date('2027-10-31T23:30:00Z'), zone)).toBe(0);
});

it('leaves out a threshold that was reached on the first day', () => {
  const trial = { startedAt: new Date('2027-01-01T10:00:00Z'), expiresAt: new Date('2027-01-15T10:00:00Z') };
  const at = (now: string) => dueThreshold(trial, new Date(now), 'UTC')?.threshold;
  expect(at('2027-01-01T11:00:00Z')).toBeUndefined();
  expect(at('2027-01-08T00:00:00Z')).toBe(7);
});

it('still names the day itself when the whole term is one day', () => {
  const term = { startedAt: new Date('2027-01-01T01:00:00Z'), expiresAt: new Date('2027-01-01T20:00:00Z') };
  expect(dueThreshold(term, new Date('2027-01-01T02:00:00Z'), 'UTC')).toEqual({ threshold: 0, daysLeft: 0 });
});
