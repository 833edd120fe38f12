/** What is in the stores of an installation that has been stopped, as text where it is text. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { inDatabase } from '../../setup/database.ts';
import { findBinary } from '../../setup/processes.mjs';
import { WITH_DATABASE } from '../../setup/service-env.ts';

/** Each service's schema as SQL that its role can run: no owners, no rights, and rows as plain statements. */
export function databasesOf(postgresUrl) {
  const pgDump = findBinary('pg_dump');
  if (!pgDump) throw new Error('pg_dump is needed; it comes with the PostgreSQL client programs');
  const dump = (schema) =>
    execFileSync(
      pgDump,
      // prettier-ignore
      ['--schema', schema, '--no-owner', '--no-privileges', '--no-comments', '--inserts', '--rows-per-insert=200',
        '--dbname', inDatabase(postgresUrl, 'strowger')],
      { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024, env: { ...process.env, PGTZ: 'UTC' } },
    );
  // psql's own commands, comments, and the schema, which is there before its tables.
  const isStatement = (line) => line !== '' && !/^(\\|--|CREATE SCHEMA )/.test(line);
  return Object.fromEntries(
    WITH_DATABASE.map((service) => [service, dump(service).split('\n').filter(isStatement).join('\n')]),
  );
}

/** Every stream, those behind key-value buckets too: its settings, its messages in order, and how far its durable consumers are. */
export async function streamsOf(natsUrl) {
  const nc = await connect({ servers: natsUrl });
  try {
    const jsm = await jetstreamManager(nc);
    const streams = [];
    for await (const { config, state } of jsm.streams.list()) {
      const consumers = [];
      for await (const { config: settings, ack_floor } of jsm.consumers.list(config.name))
        if (settings.durable_name) consumers.push({ config: settings, ackedThrough: ack_floor.stream_seq });
      streams.push({ config, messages: await messagesOf(nc, config.name, state), consumers });
    }
    return streams.sort((a, b) => (a.config.name < b.config.name ? -1 : 1));
  } finally {
    await nc.close();
  }
}

async function messagesOf(nc, stream, { messages, last_seq }) {
  const found = [];
  if (messages === 0) return found;
  const consumer = await jetstream(nc).consumers.get(stream);
  for (let seq = 0; seq < last_seq;) {
    const before = seq;
    for await (const message of await consumer.fetch({ max_messages: 500, expires: 2000 })) {
      seq = message.seq;
      found.push({ subject: message.subject, headers: headersOf(message.headers), data: textOf(message.data) });
      if (seq >= last_seq) break;
    }
    if (seq === before) break;
  }
  return found;
}

const headersOf = (headers) => Object.fromEntries([...(headers ?? [])].map(([name, [value]]) => [name, value]));

function textOf(bytes) {
  const text = Buffer.from(bytes).toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(Buffer.from(bytes))) throw new Error('A message that is not text');
  return text;
}

/** Base64 of each file. A spool's files are longer than what is in them: the zeros at the end are left out. */
export function spoolOf(folder) {
  const names = readdirSync(folder).filter((name) => /\.(log|json)$/.test(name));
  return Object.fromEntries(
    names.sort().map((name) => {
      const bytes = readFileSync(join(folder, name));
      let end = bytes.length;
      while (end > 0 && bytes[end - 1] === 0) end -= 1;
      return [name, bytes.subarray(0, end).toString('base64')];
    }),
  );
}
