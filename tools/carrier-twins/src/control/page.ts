import { escapeXml } from '../restcomm/format.js';
import type { Reply } from '../wire.js';
import type { TwinsControl } from './api.js';

/** What the carriers hold, for a person to look at. Tokens are not shown. */
export async function overviewPage(control: TwinsControl): Promise<Reply> {
  const [state, numbers, messages, webhooks] = await Promise.all([
    control.state(),
    control.numbers(),
    control.messages({ limit: 50 }),
    control.webhooks({ limit: 50 }),
  ]);
  const exchange = new Map(state.exchangeNumbers.map((row) => [row.number, row]));
  const applicationNames = new Map(
    state.accounts.flatMap((one) => one.applications).map((app) => [app.sid, app.friendly_name]),
  );
  const sections = [
    table(
      'Accounts',
      ['SID', 'Name', 'Status', 'Applications', 'Numbers', 'Notifications'],
      state.accounts.map((one) => [
        one.sid,
        one.friendlyName,
        one.status,
        one.applications.map((app) => app.friendly_name).join(', '),
        one.numbers,
        one.notifications.map((note) => note.error_code).join(', '),
      ]),
    ),
    table(
      'Numbers',
      ['Number', 'Friendly name', 'Account', 'SMS application', 'SMS URL'],
      numbers
        .slice(0, 200)
        .map((row) => [
          row.phone_number,
          row.friendly_name,
          row.account_sid,
          row.sms_application_sid === null ? '' : (applicationNames.get(row.sms_application_sid) ?? 'gone'),
          row.sms_url === null ? '' : 'set',
        ]),
    ),
    table(
      'Message Exchange',
      ['Number', 'Status', 'Job', 'Reason', 'Updated'],
      [...exchange.values()].map((row) => [
        row.number,
        row.status,
        row.jobId ?? '',
        row.failureReason ?? '',
        row.updatedAt,
      ]),
    ),
    table(
      'Messages, newest first',
      ['Created', 'Direction', 'From', 'To', 'Status', 'Error', 'Body'],
      messages.map((one) => [
        new Date(one.date_created).toISOString(),
        one.direction,
        one.from,
        one.to,
        one.status,
        one.error_code ?? '',
        one.body,
      ]),
    ),
    table(
      'Webhooks, newest first',
      ['At', 'Kind', 'Method', 'URL', 'Answer', 'ms'],
      webhooks.map((one) => [one.at, one.kind, one.method, one.url, one.status ?? one.error ?? '', one.durationMs]),
    ),
    table(
      'Faults',
      ['Id', 'Carrier', 'Match', 'Does', 'Hits'],
      state.faults.map((fault) => [
        fault.id,
        fault.carrier,
        JSON.stringify(fault.match ?? {}),
        fault.do,
        `${fault.hits} of ${fault.times}`,
      ]),
    ),
  ];
  const clock = `${state.clock.now}${state.clock.frozen ? ', frozen' : ''}, ${state.clock.offsetMs} ms from real time`;
  const body = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Carrier twins</title><style>
body{font:14px system-ui;margin:2rem;color:#222}table{border-collapse:collapse;margin-bottom:2rem}
th,td{text-align:left;padding:.25rem .75rem;border-bottom:1px solid #ddd}caption{text-align:left;font-weight:600;padding:.5rem 0}
</style></head><body><h1>Carrier twins</h1><p>Restcomm and Message Exchange, played. Clock: ${escapeXml(clock)}.</p>
${sections.join('\n')}</body></html>`;
  return { status: 200, type: 'text/html; charset=utf-8', body };
}

function table(caption: string, heads: string[], rows: (string | number)[][]): string {
  const cells = (row: (string | number)[], tag: string): string =>
    `<tr>${row.map((cell) => `<${tag}>${escapeXml(String(cell))}</${tag}>`).join('')}</tr>`;
  const body =
    rows.length === 0
      ? `<tr><td colspan="${heads.length}">none</td></tr>`
      : rows.map((row) => cells(row, 'td')).join('');
  return `<table><caption>${escapeXml(caption)}</caption><thead>${cells(heads, 'th')}</thead><tbody>${body}</tbody></table>`;
}
