import { exhaustion } from './forecast.service.js';

const DAY = 86_400_000;
const perDay = (count: number) => count / DAY;
const day = (count: number) => count * DAY;

it.each([
  ['at the rate', 90, 2, [{ at: 0, own: 100 }], { at: day(5), by: 'rate' }],
  ['never without a rate', 90, 0, [{ at: 0, own: 100 }], undefined],
  ['never when licenses come back', 90, -1, [{ at: 0, own: 100 }], undefined],
  ['never while unlimited', 90, 5, [{ at: 0, own: Infinity }], undefined],
  ['now when nothing is free', 100, 1, [{ at: 0, own: 100 }], { at: 0, by: 'now' }],
  [
    'when a term ends before the rate would',
    60,
    1,
    [
      { at: 0, own: 100 },
      { at: day(10), own: 50 },
    ],
    { at: day(10), by: 'expiry' },
  ],
  [
    'when an unlimited term ends',
    60,
    0,
    [
      { at: 0, own: Infinity },
      { at: day(10), own: 50 },
    ],
    { at: day(10), by: 'expiry' },
  ],
  [
    'later when more begins in time',
    90,
    2,
    [
      { at: 0, own: 100 },
      { at: day(4), own: 200 },
    ],
    { at: day(55), by: 'rate' },
  ],
  [
    'not by an end that leaves enough',
    10,
    1,
    [
      { at: 0, own: 100 },
      { at: day(10), own: 50 },
    ],
    { at: day(40), by: 'rate' },
  ],
])('a pool runs out %s', (_, committed, rate, steps, expected) => {
  const found = exhaustion(committed, perDay(rate), steps);
  expect(found && { ...found, at: Math.round(found.at / 1000) * 1000 }).toEqual(expected);
});
