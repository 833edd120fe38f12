import { join } from 'node:path';
import type { OnApplicationShutdown } from '@nestjs/common';
import { SecretBox } from '@strowger/kernel';
import { Messaging } from '@strowger/messaging';
import type { NatsLink } from '@strowger/rpc';
import { gauge, type Health } from '@strowger/telemetry';
import type { IngestionConfig } from './config.js';
import { EndpointDirectory } from './endpoints/endpoint-directory.js';
import { DeliveryJournal, type Journal } from './journal/delivery-journal.js';
import { DeliveryStream } from './journal/delivery-stream.js';
import { StreamOnlyJournal } from './journal/stream-only-journal.js';
import { Spool } from './spool/spool.js';

/** Together with the 5 s that NATS may take to close, less than the 25 s in which a process must end. */
const DRAIN_MS = 15_000;
/** Room for the headers beside the event. */
const HEADER_BYTES = 1024;
/** The limit we assume until a server has named its own. */
const DEFAULT_MAX_PAYLOAD = 1024 * 1024;

/** The parts of the service, opened and closed in the order they need each other. Needs no server to start. */
export class Ingestion implements OnApplicationShutdown {
  private constructor(
    readonly messaging: Messaging,
    readonly endpoints: EndpointDirectory,
    readonly journal: Journal,
    private readonly stream: DeliveryStream,
  ) {}

  static async open(config: IngestionConfig, nats: NatsLink, health: Health): Promise<Ingestion> {
    const onDisk = config.durability === 'disk+stream';
    const spool = onDisk ? await Spool.open(spoolOptions(config)) : undefined;
    const messaging = new Messaging(nats);
    const stream = new DeliveryStream(messaging);
    const box = SecretBox.fromKeyring(config.secretKeys);
    const endpoints = new EndpointDirectory(messaging, box, onDisk ? config.snapshotFile : undefined);
    gauge('ingestion_endpoints', 'Webhook endpoints known.', () => endpoints.size);
    const journal = spool ? diskJournal(config, spool, stream) : new StreamOnlyJournal(stream);
    health.add('spool', () => journal.check());
    return new Ingestion(messaging, endpoints, journal, stream);
  }

  /** Largest event the stream takes. */
  get maxEventBytes(): number {
    const info = this.messaging.connected ? this.messaging.nc.info : undefined;
    return (info?.max_payload ?? DEFAULT_MAX_PAYLOAD) - HEADER_BYTES;
  }

  /** Nest calls it once every request has been answered. */
  async onApplicationShutdown(): Promise<void> {
    await this.journal.close(DRAIN_MS);
    this.stream.close();
    await this.endpoints.stop();
    await this.messaging.close();
  }
}

const spoolOptions = (config: IngestionConfig): Parameters<typeof Spool.open>[0] => ({
  directory: config.spoolDirectory,
  segmentBytes: config.spoolSegmentBytes,
  maxBytes: config.spoolMaxBytes,
});

function diskJournal(config: IngestionConfig, spool: Spool, stream: DeliveryStream): DeliveryJournal {
  const { answerWithinMs, streamWindow: window, spoolDirectory } = config;
  const options = { answerWithinMs, window, ackTimeoutMs: 5000 };
  const journal = new DeliveryJournal(spool, stream, options, join(spoolDirectory, 'refused'));
  gauge('ingestion_spool_bytes', 'Size of the spool on disk.', () => spool.bytes);
  gauge(
    'ingestion_unacked_deliveries',
    'Deliveries in the spool that the stream has not acked.',
    () => journal.unacked,
  );
  gauge('ingestion_oldest_unacked_seconds', 'Age of the oldest of them.', () => journal.oldestUnackedSeconds);
  return journal;
}
