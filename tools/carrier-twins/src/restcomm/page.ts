import type { Section } from '../twin.js';
import { accountViews, messages } from './control.js';
import type { RestcommStore } from './store.js';

/** What Restcomm holds, for a person to look at. Tokens are not shown. */
export function page(store: RestcommStore): Section[] {
  return [
    {
      caption: 'Accounts',
      heads: ['SID', 'Name', 'Status', 'Applications', 'Numbers', 'Notifications'],
      rows: accountViews(store).map((one) => [
        one.sid,
        one.friendlyName,
        one.status,
        one.applications.map((app) => app.friendly_name).join(', '),
        one.numbers,
        one.notifications.map((note) => note.error_code).join(', '),
      ]),
    },
    {
      caption: 'Numbers',
      heads: ['Number', 'Friendly name', 'Account', 'SMS application', 'SMS URL'],
      rows: [...store.numbers.values()]
        .slice(0, 200)
        .map((row) => [
          row.phone_number,
          row.friendly_name,
          row.account_sid,
          row.sms_application_sid === null
            ? ''
            : (store.applications.get(row.sms_application_sid)?.friendly_name ?? 'gone'),
          row.sms_url === null ? '' : 'set',
        ]),
    },
    {
      caption: 'Messages, newest first',
      heads: ['Created', 'Direction', 'From', 'To', 'Status', 'Error', 'Body'],
      rows: messages(store, { limit: 50 }).map((one) => [
        new Date(one.date_created).toISOString(),
        one.direction,
        one.from,
        one.to,
        one.status,
        one.error_code ?? '',
        one.body,
      ]),
    },
  ];
}
