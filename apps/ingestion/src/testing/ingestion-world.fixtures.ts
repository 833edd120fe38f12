import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEVELOPMENT_KEYRING, loadConfig } from '@strowger/config';
import type { DeliveryReceivedV1 } from '@strowger/contracts-ingestion';
import { HOOK_ENDPOINTS_BUCKET, type HookEndpoint } from '@strowger/contracts-provisioning';
import type { RunningService } from '@strowger/http';
import type { CloudEvent } from '@strowger/kernel';
import { ensureStreams, eventsIn, kvBucket, Messaging } from '@strowger/messaging';
import { eventually, type ServerProcess, startNats } from '@strowger/testing';
import { IngestionConfig } from '../config.js';
import { Ingestion } from '../ingestion.js';
import { startIngestion } from '../service.js';

export const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';

export interface GivenEndpoint extends HookEndpoint {
  token: string;
  path: string;
}

/** What a carrier posts for one inbound message. */
export const sms = (fields: Record<string, string> = {}): string =>
  new URLSearchParams({
    SmsSid: `SM${randomUUID().replaceAll('-', '')}`,
    AccountSid: ACCOUNT,
    From: '12015550199',
    To: '12015550123',
    Body: 'hi',
    ...fields,
  }).toString();

/** A nats-server of its own, and in it what provisioning and routing would make. */
export class IngestionWorld {
  private service?: RunningService;

  private constructor(
    readonly nats: ServerProcess,
    readonly spoolDirectory: string,
    private readonly observer: Messaging,
  ) {}

  static async start(): Promise<IngestionWorld> {
    const nats = await startNats();
    const spoolDirectory = await mkdtemp(join(tmpdir(), 'strowger-spool-'));
    return new IngestionWorld(nats, spoolDirectory, await Messaging.connect({ natsUrl: nats.url, name: 'observer' }));
  }

  env(more: Record<string, string> = {}): Record<string, string> {
    return {
      STROWGER_MODE: 'test',
      NATS_URL: this.nats.url,
      PORT: '0',
      OPS_PORT: '0',
      LOG_LEVEL: 'silent',
      SPOOL_DIR: this.spoolDirectory,
      STROWGER_SECRET_KEYS: DEVELOPMENT_KEYRING,
      ...more,
    };
  }

  async serve(env: Record<string, string> = {}): Promise<void> {
    this.service = await startIngestion(loadConfig(IngestionConfig, this.env(env)));
  }

  async stopService(): Promise<void> {
    await this.service?.close();
    this.service = undefined;
  }

  get url(): string {
    return this.service!.url!;
  }
  get opsUrl(): string {
    return this.service!.opsUrl;
  }
  get ingestion(): Ingestion {
    return this.service!.app.get(Ingestion);
  }

  /** As provisioning publishes it; waits until the service knows. */
  async givenEndpoint(fields: Partial<HookEndpoint> = {}): Promise<GivenEndpoint> {
    const endpoint: HookEndpoint = {
      endpointId: randomUUID(),
      platformId: randomUUID(),
      systemProviderId: randomUUID(),
      kind: 'restcomm',
      carrierAccountId: ACCOUNT,
      ...fields,
    };
    const token = randomUUID().replaceAll('-', '') + randomUUID().slice(0, 8);
    const known = this.service ? this.ingestion.endpoints.size : 0;
    const key = createHash('sha256').update(token).digest('hex');
    await kvBucket(this.observer, HOOK_ENDPOINTS_BUCKET).put(key, JSON.stringify(endpoint));
    if (this.service) await eventually(() => this.ingestion.endpoints.size > known);
    return { ...endpoint, token, path: `/hooks/${endpoint.kind}/${token}` };
  }

  async removeEndpoint({ token }: GivenEndpoint): Promise<void> {
    await kvBucket(this.observer, HOOK_ENDPOINTS_BUCKET).delete(createHash('sha256').update(token).digest('hex'));
  }

  post(
    path: string,
    body: string | Uint8Array = sms(),
    contentType = 'application/x-www-form-urlencoded',
  ): Promise<Response> {
    const headers: Record<string, string> = contentType ? { 'content-type': contentType } : {};
    return fetch(this.url + path, {
      method: 'POST',
      headers,
      body: typeof body === 'string' ? body : Buffer.from(body),
    });
  }

  /** Everything in the stream, oldest first. */
  async delivered(): Promise<CloudEvent<DeliveryReceivedV1>[]> {
    return eventually(async () => {
      const { jsm, js } = this.observer;
      const { messages } = (await jsm.streams.info('INGESTION')).state;
      if (messages === 0) return [];
      const consumer = await js.consumers.get('INGESTION', { deliver_policy: 'all' as never });
      const events: CloudEvent<DeliveryReceivedV1>[] = [];
      for await (const message of await consumer.consume({ max_messages: 1000 })) {
        events.push(...(eventsIn(message.data) as CloudEvent<DeliveryReceivedV1>[]));
        if (message.info.pending === 0) break;
      }
      return events;
    });
  }

  /** A header of the newest message in the stream. */
  async lastHeader(name: string): Promise<string | undefined> {
    const message = await this.observer.jsm.streams.getMessage('INGESTION', {
      last_by_subj: 'ingestion.delivery.received.v1',
    });
    return message?.header.get(name);
  }

  async storedCount(): Promise<number> {
    return (await this.delivered()).length;
  }

  /** As if the stream had been deleted under a running service. */
  async deleteStream(): Promise<void> {
    await this.observer.jsm.streams.delete('INGESTION');
  }

  /** The stream takes no message larger than this from now on. Bytes. */
  async limitMessages(bytes: number): Promise<void> {
    await this.observer.jsm.streams.update('INGESTION', { max_msg_size: bytes });
  }

  async createStream(): Promise<void> {
    await ensureStreams(this.observer.jsm);
  }

  async metric(name: string): Promise<number> {
    const page = await (await fetch(`${this.opsUrl}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1]);
  }

  async stop(): Promise<void> {
    await this.stopService();
    await this.observer.close();
    await this.nats.stop();
    await rm(this.spoolDirectory, { recursive: true, force: true });
  }
}

/** Text of the messages a carrier's deliveries carried, in the stream's order. */
export const textsOf = (events: readonly CloudEvent<DeliveryReceivedV1>[]): string[] =>
  events.flatMap(({ data }) => data.facts.map((fact) => (fact.type === 'message.received' ? fact.text : '')));
