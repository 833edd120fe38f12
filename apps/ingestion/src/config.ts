import { join } from 'node:path';
import { Env, IsKeyring, Secret, ServiceConfig } from '@strowger/config';
import { IsIn, IsInt, IsNotEmpty, IsString, Max, Min } from 'class-validator';

const MIB = 1024 * 1024;

export class IngestionConfig extends ServiceConfig {
  /** Carriers call it; 0 picks a free port. */
  @Env('PORT')
  @IsInt()
  @Min(0)
  @Max(65535)
  port!: number;

  /** The address it listens on; in a container 0.0.0.0. */
  @Env('HOST') @IsString() host = '127.0.0.1';

  /** A folder on a disk that survives the process, one per instance. Holds the spool and the last known endpoints. */
  @Env('SPOOL_DIR')
  @IsNotEmpty()
  spoolDirectory!: string;

  /** Opens the keys that webhooks are authenticated with; the same keyring as provisioning's. */
  @Secret()
  @Env('STROWGER_SECRET_KEYS')
  @IsKeyring()
  secretKeys!: string;

  /** `disk+stream`: on disk before the answer. `stream`: no disk at all, for replicated streams only. */
  @Env('DURABILITY')
  @IsIn(['disk+stream', 'stream'])
  durability: 'disk+stream' | 'stream' = 'disk+stream';

  /** The largest request body. A carrier's own limit may be lower; the event must fit the server's `max_payload` (1 MiB unless set). */
  @Env('BODY_LIMIT_BYTES')
  @IsInt()
  @Min(64 * 1024)
  @Max(4 * MIB)
  bodyLimitBytes: number = 256 * 1024;

  /** The most that the spool may hold; a day of 10 messages a second is about 1 GiB. Beyond it carriers are asked to send again later. */
  @Env('SPOOL_MAX_BYTES')
  @IsInt()
  @Min(MIB)
  spoolMaxBytes: number = 2048 * MIB;

  /** Size at which a spool file is closed; it is removed once all in it is in the stream. Beginning the next one takes tens of milliseconds on a busy disk. */
  @Env('SPOOL_SEGMENT_BYTES')
  @IsInt()
  @Min(64 * 1024)
  spoolSegmentBytes: number = 64 * MIB;

  /** How long a delivery on disk waits for the stream's ack before it is answered. Carriers give up after two to ten seconds. */
  @Env('ANSWER_WITHIN_MS')
  @IsInt()
  @Min(10)
  @Max(2000)
  answerWithinMs: number = 250;

  /** The most deliveries sent to the stream and not yet acked. Not less than one message may hold (`records.ts`). */
  @Env('STREAM_WINDOW')
  @IsInt()
  @Min(64)
  @Max(16_384)
  streamWindow: number = 4096;

  get snapshotFile(): string {
    return join(this.spoolDirectory, 'endpoints.json');
  }
}
