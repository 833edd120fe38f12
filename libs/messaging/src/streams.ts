import {
  DiscardPolicy,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import { logger } from '@strowger/telemetry';

/** One stream as this system wants it. Only features of nats-server 2.9. */
export interface StreamSpec {
  name: string;
  subjects: string[];
  maxAgeDays: number;
  /** Bytes. The server's `max_payload` (1 MiB unless configured) caps it too. */
  maxMessageBytes: number;
  /** `work`: a message goes once its one consumer has acked it. */
  retention?: 'work';
}

const MIB = 1024 * 1024;
/** The publisher's retries fall inside it; beyond it the inbox is the guarantee. */
const DUPLICATE_WINDOW_SECONDS = 120;

/** Streams of facts by owner, the dead letters, and the way back for a replayed dead letter. */
export const STREAMS: readonly StreamSpec[] = [
  { name: 'HIERARCHY', subjects: ['hierarchy.>'], maxAgeDays: 30, maxMessageBytes: MIB },
  { name: 'PROVISIONING', subjects: ['provisioning.>'], maxAgeDays: 30, maxMessageBytes: MIB },
  // The raw journal of carrier requests: seven days, and bodies may be large.
  { name: 'INGESTION', subjects: ['ingestion.>'], maxAgeDays: 7, maxMessageBytes: 8 * MIB },
  { name: 'ROUTING', subjects: ['routing.>'], maxAgeDays: 30, maxMessageBytes: MIB },
  { name: 'NOTIFICATION', subjects: ['notification.>'], maxAgeDays: 30, maxMessageBytes: MIB },
  { name: 'DEAD', subjects: ['dead.>'], maxAgeDays: 90, maxMessageBytes: 8 * MIB },
  { name: 'REPLAY', subjects: ['replay.>'], maxAgeDays: 30, maxMessageBytes: 8 * MIB, retention: 'work' },
];

/** Stream that captures facts of this type: the upper-cased owner. */
export const streamOf = (type: string): string => (type.split('.', 1)[0] ?? '').toUpperCase();

const log = logger('messaging');
const NAME_IN_USE = 10058;

function configOf(spec: StreamSpec, replicas: number): Partial<StreamConfig> & { name: string } {
  return {
    name: spec.name,
    subjects: spec.subjects,
    retention: spec.retention === 'work' ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: nanos(spec.maxAgeDays * 86_400_000),
    max_msg_size: spec.maxMessageBytes,
    duplicate_window: nanos(DUPLICATE_WINDOW_SECONDS * 1000),
    num_replicas: replicas,
    allow_direct: true,
  };
}

/** What an existing stream may be changed to; name, storage and retention are for its life. */
const UPDATABLE = ['subjects', 'max_age', 'max_msg_size', 'duplicate_window', 'num_replicas', 'allow_direct'] as const;

/**
 * Creates what is missing and brings back what has drifted from the table. Safe to repeat and to run from several
 * processes at once. Returns the names of the streams it had to create or change.
 */
export async function ensureStreams(
  jsm: JetStreamManager,
  options: { streams?: readonly StreamSpec[]; replicas?: number } = {},
): Promise<string[]> {
  const touched: string[] = [];
  for (const spec of options.streams ?? STREAMS) {
    const wanted = configOf(spec, options.replicas ?? 1);
    const found = await infoOrCreate(jsm, wanted);
    if (found === 'created') {
      touched.push(spec.name);
      continue;
    }
    const drift = UPDATABLE.filter((key) => JSON.stringify(found[key] ?? false) !== JSON.stringify(wanted[key]));
    if (drift.length === 0) continue;
    log.warn({ stream: spec.name, fields: drift }, 'stream-drift');
    await jsm.streams.update(spec.name, { ...found, ...pick(wanted, drift) });
    touched.push(spec.name);
  }
  return touched;
}

async function infoOrCreate(
  jsm: JetStreamManager,
  wanted: Partial<StreamConfig> & { name: string },
): Promise<StreamConfig | 'created'> {
  try {
    return (await jsm.streams.info(wanted.name)).config;
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.status !== 404) throw error;
  }
  try {
    await jsm.streams.add(wanted);
    return 'created';
  } catch (error) {
    // Another process was faster and wants it otherwise: what is there now is compared.
    if (!(error instanceof JetStreamApiError) || error.code !== NAME_IN_USE) throw error;
    return (await jsm.streams.info(wanted.name)).config;
  }
}

const pick = (config: Partial<StreamConfig>, keys: readonly (keyof StreamConfig)[]): Partial<StreamConfig> =>
  Object.fromEntries(keys.map((key) => [key, config[key]]));
