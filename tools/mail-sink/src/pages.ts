import type { StoredMail } from './mailbox.js';

/** Mails may hold anything: no scripts, nothing loaded from elsewhere. */
export const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'";

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title><style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #ddd; }
pre { white-space: pre-wrap; background: #f6f6f6; padding: 1rem; } iframe { width: 100%; height: 30rem; border: 1px solid #ddd; }
</style></head><body>${body}</body></html>`;

export function listPage(mails: StoredMail[]): string {
  const row = (mail: StoredMail): string =>
    `<tr><td>${escape(mail.receivedAt.replace('T', ' ').slice(0, 19))}</td><td>${escape(mail.to.join(', '))}</td>` +
    `<td><a href="/messages/${encodeURIComponent(mail.id)}">${escape(mail.subject || '(no subject)')}</a></td></tr>`;
  const table = `<table><tr><th>Received (UTC)</th><th>To</th><th>Subject</th></tr>${mails.map(row).join('')}</table>`;
  return page('Mail', `<h1>Mail</h1>${mails.length > 0 ? table : '<p>No mail yet. Reload to look again.</p>'}`);
}

export function mailPage(mail: StoredMail): string {
  const facts = Object.entries({ From: mail.from, To: mail.to.join(', '), Received: mail.receivedAt })
    .map(([name, value]) => `<tr><th>${name}</th><td>${escape(value)}</td></tr>`)
    .join('');
  // An empty sandbox attribute: no scripts, no forms, no links that leave the frame, an origin of its own.
  const html = mail.html
    ? `<h2>HTML</h2><iframe sandbox title="HTML part" srcdoc="${escape(mail.html)}"></iframe>`
    : '';
  const text = mail.text ? `<h2>Text</h2><pre>${escape(mail.text)}</pre>` : '';
  const heading = `<p><a href="/">All mail</a></p><h1>${escape(mail.subject || '(no subject)')}</h1>`;
  return page(mail.subject, `${heading}<table>${facts}</table>${html}${text}`);
}
