/**
 * An installation of an earlier version, as `tools/verify/upgrade/record.mjs` found it after it had been stopped in the
 * middle of its work, and the way to put it where this version finds it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, gunzipSync } from 'node:zlib';
import { DeliverPolicy, jetstream, jetstreamManager, type ConsumerConfig, type StreamConfig } from '@nats-io/jetstream';
import { headers as newHeaders, nanos } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { withClient } from '../../../tools/setup/database.ts';
import { type DatabaseService, WITH_DATABASE } from '../../../tools/setup/service-env.ts';
import type { Stack } from '../../../tools/setup/stack.ts';

/** A carrier's texts to one number from one remote party, in order. */
export interface Thread {
  userId?: string;
  number: string;
  remote: string;
  platform: string;
  texts: { carrierMessageId: string; text: string }[];
  /** No webhook ever brought it; the carrier lists it. */
  listedOnly?: true;
}
/** A user's texts to one remote party, in order, each with the parts the earlier version sends. */
export interface Conversation {
  userId: string;
  number: string;
  remote: string;
  platform: string;
  texts: { id?: string; text: string; parts: string[] }[];
}
export interface Send {
  userId: string;
  key: string;
  from: string;
  to: string;
  text: string;
}
export interface OldPlatform {
  id: string;
  name: string;
  account: string;
  secret: string;
  messageExchangeToken?: string;
  /** Any of them is good; the last is the newest. */
  webhookUrls: string[];
}
export interface OldNumber {
  ten: string;
  platform: string;
  /** Where it stood: a state, or the carrier call it was left in. */
  from: string;
  becomes: 'active' | 'released' | 'failed' | 'pending';
}

/** What must be true of the installation, whichever version works with it. Secrets are in it as people know them. */
export interface Truths {
  tenant: {
    providerId: string;
    groupId: string;
    admin: { email: string; password: string };
    /** Of a portal session: `name=value`. */
    cookie: string;
    apiKey: string;
    robot: { userName: string; password: string; serverHostName: string };
  };
  platforms: OldPlatform[];
  users: { id: string; name: string; licensed?: boolean; number?: { id: string; e164: string; platform: string } }[];
  threads: Thread[];
  conversations: Conversation[];
  /** Nobody knows whether they were accepted: their clients repeat them, and then they are the last of their conversation. */
  unanswered: Send[];
  answered: (Send & { id: string })[];
  numbers: OldNumber[];
  /** Ten digits of numbers whose failure is news, mailed once. */
  mailed: string[];
}

interface Left {
  stoppedAt: string;
  secrets: { keyring: string; tokenSecret: string; operatorPassword: string };
  truths: Truths;
  /** SQL of each service's schema. */
  databases: Record<DatabaseService, string>;
  streams: {
    config: StreamConfig;
    messages: { subject: string; headers: Record<string, string>; data: string }[];
    consumers: { config: ConsumerConfig; ackedThrough: number }[];
  }[];
  /** Base64 by file name. */
  spool: Record<string, string>;
  /** What the carriers hold. */
  twins: object;
  mails: string;
}

/** As if it had been stopped so long ago: leases are over, and nothing is old enough to be forgotten. */
const STOPPED_MS = 3 * 60_000;

export class OldInstallation {
  private left?: Left;
  private readonly text: string;

  /** @param file a recording, `.json.gz` */
  constructor(file: string) {
    this.text = gunzipSync(readFileSync(file)).toString('utf8');
  }

  get truths(): Truths {
    if (!this.left) throw new Error('Nothing has been restored yet.');
    return this.left.truths;
  }

  /** Puts the secrets where the stack of this folder finds them. */
  keepSecrets(home: string): void {
    const { secrets } = JSON.parse(this.text) as Left;
    writeFileSync(join(home, 'secrets.json'), JSON.stringify(secrets), { mode: 0o600 });
  }

  /** Fills empty servers and folders. Redis stays empty: what it held may be lost at any time. */
  async restore(stack: Stack): Promise<void> {
    const left = (this.left = this.hereAndNow(stack));
    const folder = join(stack.dataDir, 'spool');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const [name, bytes] of Object.entries(left.spool))
      writeFileSync(join(folder, name), moved(name, Buffer.from(bytes, 'base64'), this.shiftMs()), { mode: 0o600 });
    writeFileSync(join(stack.dataDir, 'twins.json'), JSON.stringify(left.twins));
    writeFileSync(join(stack.dataDir, 'mail.jsonl'), left.mails);
    await Promise.all([
      ...WITH_DATABASE.map((service) =>
        withClient(stack.databaseUrl(service), (client) => client.query(left.databases[service])),
      ),
      restoreStreams(stack.urls.natsUrl, left.streams),
    ]);
  }

  /** With the addresses of this stack, and as if it had been recorded just now. */
  private hereAndNow({ urls }: Stack): Left {
    let { text } = this;
    for (const name of ['gatewayUrl', 'hooksUrl', 'twinsUrl', 'mailUrl'] as const)
      text = text.replaceAll(`{{${name}}}`, urls[name]);
    return JSON.parse(later(text, this.shiftMs())) as Left;
  }

  private shift?: number;
  /** Whole seconds, so that fractions stay as they are. */
  private shiftMs(): number {
    const stopped = Date.parse((JSON.parse(this.text) as Left).stoppedAt);
    return (this.shift ??= Math.round((Date.now() - STOPPED_MS - stopped) / 1000) * 1000);
  }
}

const WRITTEN = /\b(20\d\d-\d\d-\d\d)([T ])(\d\d:\d\d:\d\d)(?=\.|Z|\+00)/g;
const MILLISECONDS = /\b1\d{12}\b/g;

/** Every point in time in a text that much later: UTC as PostgreSQL and JSON write it, and milliseconds since 1970. */
function later(text: string, ms: number): string {
  const about = Date.now() - ms;
  return text
    .replace(WRITTEN, (_all, day: string, between: string, time: string) =>
      new Date(Date.parse(`${day}T${time}Z`) + ms).toISOString().slice(0, 19).replace('T', between),
    )
    .replace(MILLISECONDS, (digits) =>
      Math.abs(Number(digits) - about) < 86_400_000 ? String(Number(digits) + ms) : digits,
    );
}

/** A spool's file with its deliveries that much later: the times are as long as before, so only checksums change. */
function moved(name: string, bytes: Buffer, ms: number): Buffer {
  if (!name.endsWith('.log')) return bytes;
  const seed = Math.imul(Number(name.slice(0, 16)), 0x9e3779b1) >>> 0;
  for (let at = 0; at + 8 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (length < 2 || body.length < length || crc32(body, seed) !== bytes.readUInt32BE(at + 4)) break;
    body.write(later(body.toString('latin1'), ms), 'latin1');
    bytes.writeUInt32BE(crc32(body, seed), at + 4);
    at += 8 + length;
  }
  return bytes;
}

/** Nothing published before the stop is known as a repeat after it: the window for that has passed. */
const SHORT_WINDOW = nanos(100);

async function restoreStreams(natsUrl: string, streams: Left['streams']): Promise<void> {
  const nc = await connect({ servers: natsUrl });
  try {
    const [js, jsm] = [jetstream(nc), await jetstreamManager(nc)];
    for (const { config, messages, consumers } of streams) {
      await jsm.streams.add({ ...config, duplicate_window: SHORT_WINDOW });
      await Promise.all(
        messages.map(({ subject, headers, data }) => {
          const carried = newHeaders();
          // What a writer expected of the bucket then is no matter now.
          for (const [name, value] of Object.entries(headers))
            if (!name.startsWith('Nats-Expected')) carried.set(name, value);
          return js.publish(subject, data, { headers: carried, timeout: 20_000 });
        }),
      );
      for (const { config: settings, ackedThrough } of consumers)
        await jsm.consumers.add(config.name, {
          ...settings,
          ...(ackedThrough > 0 && { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: ackedThrough + 1 }),
        });
    }
  } finally {
    await nc.close();
  }
}
