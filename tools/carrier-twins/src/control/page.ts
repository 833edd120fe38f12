/** What the carriers hold, for a person to look at. */
import { escapeXml, type Reply } from '../wire.js';
import type { Section } from '../twin.js';
import type { World } from '../world.js';

export function overviewPage(world: World): Reply {
  const twins = [...world.twins.values()];
  const { now, frozen, offsetMs } = world.clock.view();
  const clock = `${now}${frozen ? ', frozen' : ''}, ${offsetMs} ms from real time`;
  const body = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Carrier twins</title><style>
body{font:14px system-ui;margin:2rem;color:#222}table{border-collapse:collapse;margin-bottom:2rem}
th,td{text-align:left;padding:.25rem .75rem;border-bottom:1px solid #ddd}caption{text-align:left;font-weight:600;padding:.5rem 0}
</style></head><body><h1>Carrier twins</h1>
<p>Played here: ${escapeXml(twins.map(({ title }) => title).join(', '))}. Clock: ${escapeXml(clock)}.</p>
${twins.map((twin) => `<h2>${escapeXml(twin.title)}</h2>\n${twin.page().map(table).join('\n')}`).join('\n')}
<h2>All of them</h2>
${[webhooks(world), faults(world)].map(table).join('\n')}</body></html>`;
  return { status: 200, type: 'text/html; charset=utf-8', body };
}

const webhooks = (world: World): Section => ({
  caption: 'Webhooks, newest first',
  heads: ['At', 'Carrier', 'Kind', 'Method', 'URL', 'Answer', 'ms'],
  rows: world.webhooks
    .list(50)
    .map((one) => [one.at, one.carrier, one.kind, one.method, one.url, one.status ?? one.error ?? '', one.durationMs]),
});

const faults = (world: World): Section => ({
  caption: 'Faults',
  heads: ['Id', 'Carrier', 'Match', 'Does', 'Hits'],
  rows: world.faults
    .list()
    .map((fault) => [
      fault.id,
      fault.carrier,
      JSON.stringify(fault.match ?? {}),
      fault.do,
      `${fault.hits} of ${fault.times}`,
    ]),
});

function table({ caption, heads, rows }: Section): string {
  const cells = (row: (string | number)[], tag: string): string =>
    `<tr>${row.map((cell) => `<${tag}>${escapeXml(String(cell))}</${tag}>`).join('')}</tr>`;
  const body =
    rows.length === 0
      ? `<tr><td colspan="${heads.length}">none</td></tr>`
      : rows.map((row) => cells(row, 'td')).join('');
  return `<table><caption>${escapeXml(caption)}</caption><thead>${cells(heads, 'th')}</thead><tbody>${body}</tbody></table>`;
}
