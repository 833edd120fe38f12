import type { LicenseAlertItem, LicenseExpiryAlertedV1 } from '@strowger/contracts-hierarchy';
import type {
  NumberCleanupRequiredV1,
  NumberEnablementFailedV1,
  PlatformCredentialsFailedV1,
  PlatformCredentialsRecoveredV1,
} from '@strowger/contracts-provisioning';
import { nationalDigits } from '@strowger/kernel';
import type { Mail } from './mail-delivery.entity.js';

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
/** A header is one line, also when a carrier's words hold line breaks. */
const oneLine = (text: string): string =>
  text
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 200);

interface Parts {
  template: string;
  /** News of one topic follow each other: only the last one said again is a repeat. */
  topic: string;
  subject: string;
  opening: string;
  facts: Record<string, string> | [name: string, value: string][];
  whatToDo: string;
  /** The switch of the portal user that asked for this mail. */
  asked?: string;
  /** Why it was sent, where no switch asked for it. */
  why?: string;
}

/** Both bodies from the same words, so that they never differ. */
export function compose(parts: Parts, portalUrl?: string): Mail {
  const { template, topic, subject, opening, facts, whatToDo, asked = 'Send Alerts' } = parts;
  const rows = Array.isArray(facts) ? facts : Object.entries(facts);
  const why = parts.why ?? `You receive this because “${asked}” is on for your portal user.`;
  const text = [
    opening,
    '',
    ...rows.map(([name, value]) => `${name}: ${value}`),
    '',
    whatToDo,
    ...(portalUrl ? ['', portalUrl] : []),
    '',
    why,
  ].join('\n');
  const html = `<!doctype html><html lang="en"><body style="font-family:sans-serif">
<p>${escape(opening)}</p>
<table cellpadding="4">${rows.map(([name, value]) => `<tr><th align="left" valign="top">${escape(name)}</th><td>${escape(value)}</td></tr>`).join('')}</table>
<p>${escape(whatToDo)}</p>${portalUrl ? `<p><a href="${escape(portalUrl)}">${escape(portalUrl)}</a></p>` : ''}
<p style="color:#666;font-size:smaller">${escape(why)}</p>
</body></html>`;
  return { template, topic, subject: oneLine(subject), text, html };
}

/** Seed 000: the number, the user it is assigned to, and the reason in the carrier's own words. */
export const enablementFailed = (event: NumberEnablementFailedV1, portalUrl?: string): Mail =>
  compose(
    {
      template: 'enablement-failed',
      topic: `enablement-failed:${event.numberId}:${event.reason}`,
      subject: `SMS enablement failed for ${nationalDigits(event.e164)}`,
      opening: `The number ${nationalDigits(event.e164)} could not be SMS-enabled with the mobile carrier.`,
      facts: { Number: nationalDigits(event.e164), 'Assigned to': event.owner.name, Reason: event.reason },
      whatToDo:
        'The number stays assigned and cannot receive texts. Ask the carrier about the reason, then retry the enablement, or remove the number.',
    },
    portalUrl,
  );

export const cleanupRequired = (event: NumberCleanupRequiredV1, portalUrl?: string): Mail =>
  compose(
    {
      template: 'cleanup-required',
      topic: `cleanup-required:${event.numberId}`,
      subject: `Clean-up required for ${nationalDigits(event.e164)}`,
      opening: `Adding or releasing the number ${nationalDigits(event.e164)} failed, and what had been done at the carrier could not be undone.`,
      facts: { Number: nationalDigits(event.e164), Reason: event.reason },
      whatToDo:
        "Strowger goes on trying. If this mail is not followed by a success in the number's timeline, check the number in the carrier's portal: it may still be there, and billed.",
    },
    portalUrl,
  );

export const credentialsFailed = (event: PlatformCredentialsFailedV1, portalUrl?: string): Mail =>
  compose(
    {
      template: 'credentials-failed',
      topic: `credentials:${event.platformId}`,
      subject: `The platform ${event.platformName} refuses its credentials`,
      opening: `The platform ${event.platformName} no longer accepts the stored credentials, so numbers can't be changed and texts can't be sent.`,
      facts: { Platform: event.platformName, Reason: event.reason },
      whatToDo:
        "Check the account in the carrier's portal and enter the new credentials. You will be notified when they work again.",
    },
    portalUrl,
  );

export const credentialsRecovered = (event: PlatformCredentialsRecoveredV1, portalUrl?: string): Mail =>
  compose(
    {
      template: 'credentials-recovered',
      topic: `credentials:${event.platformId}`,
      subject: `The platform ${event.platformName} works again`,
      opening: `The platform ${event.platformName} accepts its credentials again.`,
      facts: { Platform: event.platformName },
      whatToDo: 'Nothing needs to be done.',
    },
    portalUrl,
  );

const plural = (count: number, one: string, many: string): string => (count === 1 ? one : many);
const licenses = (item: LicenseAlertItem): string => {
  const product = `${item.application} ${item.licenseType}`;
  if (item.kind === 'trial') return `${product} trial`;
  return item.quantity === undefined
    ? `unlimited ${product} licenses`
    : `${item.quantity} ${product} ${plural(item.quantity, 'license', 'licenses')}`;
};

function inDays(days: number): string {
  if (days === 0) return 'today';
  const count = Math.abs(days);
  return days > 0 ? `in ${count} ${plural(count, 'day', 'days')}` : `${count} ${plural(count, 'day', 'days')} ago`;
}

/** What a reader must know of one item, with the time in their own zone. */
function newsOf(item: LicenseAlertItem, timeZone: string): string {
  const at = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'short', timeZone });
  const when = `${at.format(new Date(item.expiresAt))} (${timeZone})`;
  if (item.news === 'suspended') return `expired on ${when}; suspended, the grace period is over`;
  if (item.news === 'unlicensed')
    return `ended on ${when}; no license followed${item.reason ? `: ${item.reason}` : ''}`;
  return `${item.daysLeft < 0 ? 'expired' : 'expires'} on ${when}, ${inDays(item.daysLeft)}`;
}

function subjectOf(items: LicenseAlertItem[]): string {
  const [item] = items;
  if (!item || items.length > 1) return `${items.length} licenses and trials need your attention`;
  const what = `${licenses(item)} of ${item.holder}`;
  if (item.news === 'suspended') return `Suspended: ${what}`;
  if (item.news === 'unlicensed') return `Ended without a license: ${what}`;
  return item.daysLeft < 0 ? `Expired: ${what}` : `Expiring ${inDays(item.daysLeft)}: ${what}`;
}

/** Everything one portal user has to know now, the most urgent first. */
export function licenseExpiry({ incidentId, recipient, items }: LicenseExpiryAlertedV1, portalUrl?: string): Mail {
  const timeZone = recipient.timezone ?? 'UTC';
  const bought = items.some((item) => item.kind !== 'trial');
  const trials = items.some((item) => item.kind === 'trial');
  return compose(
    {
      template: 'license-expiry',
      // Hierarchy announces each threshold only once: two of these are never the same news.
      topic: `license-expiry:${incidentId}`,
      subject: subjectOf(items),
      opening: plural(items.length, 'A license needs your attention.', 'These licenses need your attention.'),
      facts: items.map((item): [string, string] => [`${item.holder}: ${licenses(item)}`, newsOf(item, timeZone)]),
      whatToDo: [
        bought
          ? 'Renew what you still need: after its end a purchase gives no new licenses, and 30 days later the newest assignments it covered stop working.'
          : '',
        trials
          ? 'Assign a license to users whose trial ends, or choose one under Automatic Assignment: a trial is given once only.'
          : '',
      ]
        .filter(Boolean)
        .join(' '),
      asked: 'Send License Expiry Alerts',
    },
    portalUrl,
  );
}
