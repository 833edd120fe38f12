import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
/** The stores write; migrations made the tables; specs set up what they need. */
const MAY_WRITE = /^(messages|migrations)\/|\.(spec|fixtures)\.ts$/;
const TABLES = '(?:routing\\.)?"?(?:message|send_attempt)"?';
const WRITES = [
  new RegExp(
    `\\b(?:insert\\s+into|update|delete\\s+from|truncate(?:\\s+table)?|merge\\s+into)\\s+(?:only\\s+)?${TABLES}(?![\\w.])`,
    'i',
  ),
  /\b(?:insertInto|updateTable|deleteFrom|mergeInto)\(\s*['"`](?:message|send_attempt)\b/,
  /\bsql\.table\(\s*['"`](?:message|send_attempt)\b/,
  /\bstore_inbound\b/,
];
const writes = (source: string): boolean => WRITES.some((pattern) => pattern.test(source));

it('nothing but the stores of messages/ writes messages and their attempts', () => {
  const sources = globSync('**/*.ts', { cwd: ROOT });
  const writers = sources.filter((path) => writes(readFileSync(join(ROOT, path), 'utf8')));
  expect(writers.filter((path) => !MAY_WRITE.test(path))).toEqual([]);
  // It does see them where they are.
  expect(writers).toEqual(expect.arrayContaining(['messages/message.store.ts', 'messages/sending.store.ts']));
});

it.each([
  'insert into message (id) values (1)',
  'INSERT INTO\n  message (id) select 1',
  'update message set state = $1',
  'update only routing.message set state = $1',
  'delete from "message" where true',
  'delete from send_attempt',
  "db.updateTable('message').set({})",
  "deleteFrom('send_attempt')",
  'select * from store_inbound($1)',
])('a writer elsewhere is seen: %s', (source) => expect(writes(source)).toBe(true));

it.each([
  'select state from message for update',
  'insert into message_template (id) values (1)',
  'join send_attempt a on a.message_id = m.id',
  'update platform set sender = null',
])('a reader is not taken for one: %s', (source) => expect(writes(source)).toBe(false));
