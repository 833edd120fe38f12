import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** A received mail, as the HTTP API shows it. */
export interface StoredMail {
  id: string;
  /** ISO 8601, UTC. */
  receivedAt: string;
  /** Of the SMTP envelope, which is where it would have gone; headers may say something else. */
  from: string;
  to: string[];
  subject: string;
  text: string;
  html: string;
  /** Lower-case names; a repeated header is joined by newlines. */
  headers: Record<string, string>;
  messageId: string;
  attachments: { filename: string; mimeType: string; bytes: number }[];
}

export interface MailFilter {
  /** Part of a recipient's address, any case. */
  to?: string;
  /** Part of the subject, any case. */
  subject?: string;
  /** Received at or after; ISO 8601. */
  since?: string;
}

const KEPT = 2000;

/** The last 2,000 mails; with a file, they outlive the process. */
export class Mailbox {
  private mails: StoredMail[] = [];

  constructor(private readonly file?: string) {
    if (file && existsSync(file)) this.load(file);
  }

  add(mail: Omit<StoredMail, 'id' | 'receivedAt'>): StoredMail {
    const stored = { id: randomUUID(), receivedAt: new Date().toISOString(), ...mail };
    this.mails.push(stored);
    if (this.file) appendFileSync(this.file, `${JSON.stringify(stored)}\n`, { mode: 0o600 });
    if (this.mails.length > KEPT) this.mails.shift();
    return stored;
  }

  /** Newest first. */
  list(filter: MailFilter = {}): StoredMail[] {
    const has = (text: string, part: string | undefined): boolean =>
      part === undefined || text.toLowerCase().includes(part.toLowerCase());
    const since = filter.since === undefined ? 0 : Date.parse(filter.since);
    return this.mails
      .filter((mail) => mail.to.some((address) => has(address, filter.to)) && has(mail.subject, filter.subject))
      .filter((mail) => Date.parse(mail.receivedAt) >= since)
      .reverse();
  }

  find(id: string): StoredMail | undefined {
    return this.mails.find((mail) => mail.id === id);
  }

  clear(): void {
    this.mails = [];
    if (this.file) this.rewrite(this.file);
  }

  private load(file: string): void {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      try {
        if (line) this.mails.push(JSON.parse(line) as StoredMail);
      } catch {
        // The last line of a killed process may be cut short.
      }
    }
    this.mails = this.mails.slice(-KEPT);
    this.rewrite(file);
  }

  private rewrite(file: string): void {
    writeFileSync(`${file}.new`, this.mails.map((mail) => `${JSON.stringify(mail)}\n`).join(''), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}
