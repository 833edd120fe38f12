import { once } from 'node:events';
import PostalMime from 'postal-mime';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import type { Mailbox } from './mailbox.js';

/** What the next mails meet instead of a mailbox. */
export interface Behavior {
  /** So many mails from now on; 0 is normal service. */
  rejectNext: number;
  /**
   * An SMTP reply: 4xx asks to try later, 5xx refuses for good. `drop` takes and keeps the mail, but ends the
   * connection without a reply, so that the sender can't know.
   */
  code: number | 'drop';
  /** Answer to RCPT TO or to the end of DATA; default `data`. Without meaning for `drop`. */
  at?: 'rcpt' | 'data';
}

const LARGEST_MAIL = 25 * 1024 * 1024;
const LONGEST_BODY = 1024 * 1024;

class Refusal extends Error {
  constructor(readonly responseCode: number) {
    super(responseCode < 500 ? 'Try again later' : 'Refused for good');
  }
}

/** Takes any mail, with or without AUTH. */
export class SmtpDoor {
  behavior: Behavior = { rejectNext: 0, code: 451 };
  private readonly server: SMTPServer;

  constructor(private readonly mailbox: Mailbox) {
    this.server = new SMTPServer({
      name: 'mail-sink',
      banner: 'development mail sink',
      authOptional: true,
      allowInsecureAuth: true,
      disabledCommands: ['STARTTLS'],
      disableReverseLookup: true,
      size: LARGEST_MAIL,
      closeTimeout: 500,
      onAuth: (auth, _session, done) => done(null, { user: auth.username ?? 'anyone' }),
      onRcptTo: (_address, _session, done) => done(this.refusal('rcpt')),
      onData: (stream, session, done) => {
        this.receive(stream, session).then(
          () => done(),
          (error: Error) => done(error),
        );
      },
    });
    // A client that goes away in mid-sentence is everyday life to a mail server.
    this.server.on('error', () => undefined);
  }

  async listen(port: number, host: string): Promise<number> {
    this.server.listen(port, host);
    const listening = this.server.server;
    if (!listening.listening) await once(listening, 'listening');
    const address = listening.address();
    return typeof address === 'object' && address ? address.port : port;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private async receive(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) if (!stream.sizeExceeded) chunks.push(chunk as Buffer);
    if (stream.sizeExceeded) throw new Refusal(552);
    const refusal = this.refusal('data');
    if (refusal) throw refusal;
    await this.store(Buffer.concat(chunks), session);
    if (this.behavior.rejectNext > 0 && this.behavior.code === 'drop') {
      this.behavior.rejectNext -= 1;
      this.cutOff(session);
    }
  }

  private refusal(at: 'rcpt' | 'data'): Refusal | undefined {
    const { rejectNext, code } = this.behavior;
    if (rejectNext < 1 || code === 'drop' || (this.behavior.at ?? 'data') !== at) return undefined;
    this.behavior.rejectNext -= 1;
    return new Refusal(code);
  }

  private async store(raw: Buffer, session: SMTPServerSession): Promise<void> {
    const mail = await PostalMime.parse(raw);
    const headers: Record<string, string> = {};
    for (const { key, value } of mail.headers) headers[key] = key in headers ? `${headers[key]}\n${value}` : value;
    const { mailFrom, rcptTo } = session.envelope;
    this.mailbox.add({
      from: mailFrom ? mailFrom.address : '',
      to: rcptTo.map((recipient) => recipient.address),
      subject: mail.subject ?? '',
      text: (mail.text ?? '').slice(0, LONGEST_BODY),
      html: (mail.html ?? '').slice(0, LONGEST_BODY),
      headers,
      messageId: mail.messageId ?? '',
      attachments: mail.attachments.map(({ filename, mimeType, content }) => ({
        filename: filename ?? '',
        mimeType,
        bytes: typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength,
      })),
    });
  }

  /** The server has no public way to end one connection without a reply. */
  private cutOff(session: SMTPServerSession): void {
    const { connections } = this.server as unknown as {
      connections: Set<{ session: { id: string }; _socket: { destroy(): void } }>;
    };
    for (const connection of connections) if (connection.session.id === session.id) connection._socket.destroy();
  }
}
