/** Days before the end on which portal users are notified; 0 is the day itself. reference/provisioning-soap-api.md §6.4 */
export const THRESHOLD_DAYS = [0, 1, 7, 14, 30] as const;

/** Recorded in place of a threshold for what happened after the end: a trial left unlicensed, a purchase suspended. */
export const AFTERWARDS = -1;

/** Far enough for the first threshold in any zone: 30 days, and a day for calendars ahead of UTC. */
export const LOOK_AHEAD_MS = 32 * 86_400_000;

const DAY_MS = 86_400_000;
const calendars = new Map<string, Intl.DateTimeFormat>();

/** Midnight UTC of the calendar day that it is in the zone. */
function dayIn(timeZone: string, at: Date): number {
  let calendar = calendars.get(timeZone);
  if (!calendar) {
    calendar = new Intl.DateTimeFormat('en-US', { timeZone, year: 'numeric', month: 'numeric', day: 'numeric' });
    calendars.set(timeZone, calendar);
  }
  const part = Object.fromEntries(calendar.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(part['year']!, part['month']! - 1, part['day']!);
}

/** Whole days from one day to another as a calendar on the wall in that zone counts them. */
export const calendarDays = (from: Date, to: Date, timeZone: string): number =>
  Math.round((dayIn(timeZone, to) - dayIn(timeZone, from)) / DAY_MS);

/**
 * The one threshold to notify of now: the nearest that is due, so that after an outage the earlier ones are not made
 * up for. A threshold no later than the beginning says nothing (14 days on the first day of a 14-day trial) and is left
 * out; undefined when none is due.
 */
export function dueThreshold(
  item: { startedAt: Date; expiresAt: Date },
  now: Date,
  timeZone: string,
): { threshold: number; daysLeft: number } | undefined {
  const daysLeft = calendarDays(now, item.expiresAt, timeZone);
  const threshold = THRESHOLD_DAYS.find((days) => days >= daysLeft);
  if (threshold === undefined) return undefined;
  if (threshold > 0 && threshold >= calendarDays(item.startedAt, item.expiresAt, timeZone)) return undefined;
  return { threshold, daysLeft };
}
