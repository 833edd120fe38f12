import { jetstream, jetstreamManager, type JsMsg } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { DeliveryReceivedV1 } from '@strowger/contracts-ingestion';
import type { CloudEvent } from '@strowger/kernel';
import { eventsIn } from '@strowger/messaging';

export interface Delivery extends DeliveryReceivedV1 {
  /** Position of its message in the stream. */
  seq: number;
}

export interface DeadLetterNote {
  seq: number;
  subject: string;
  reason: string;
}

const AT_ONCE = 1000;

/** Everything a stream holds, oldest first. */
async function readStream<T>(natsUrl: string, stream: string, read: (message: JsMsg) => T): Promise<T[]> {
  const nc = await connect({ servers: natsUrl, name: 'ledger' });
  try {
    const { state } = await (await jetstreamManager(nc)).streams.info(stream);
    const found: T[] = [];
    if (state.messages === 0) return found;
    const consumer = await jetstream(nc).consumers.get(stream);
    for (let seq = 0; seq < state.last_seq;) {
      let received = 0;
      for await (const message of await consumer.fetch({ max_messages: AT_ONCE, expires: 2000 })) {
        received += 1;
        seq = message.seq;
        found.push(read(message));
        if (seq >= state.last_seq) break;
      }
      if (received === 0) break;
    }
    return found;
  } finally {
    await nc.close();
  }
}

/** The raw journal: what carriers sent and what they were answered is kept. */
export async function readJournal(natsUrl: string): Promise<Delivery[]> {
  const all = await readStream(natsUrl, 'INGESTION', (message) =>
    message.subject === DeliveryReceivedV1.type
      ? (eventsIn(message.data) as CloudEvent<DeliveryReceivedV1>[]).map(({ data }) => ({ ...data, seq: message.seq }))
      : [],
  );
  return all.flat();
}

/** Facts some consumer gave up on. */
export function readDeadLetters(natsUrl: string): Promise<DeadLetterNote[]> {
  return readStream(natsUrl, 'DEAD', ({ seq, subject, headers }) => ({
    seq,
    subject,
    reason: [headers?.get('Dead-Reason'), headers?.get('Dead-Subject'), headers?.get('Dead-Error')].join(' '),
  }));
}
