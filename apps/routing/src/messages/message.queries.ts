import type { MessageFailure, MessageState, MessageView } from '@strowger/contracts-routing';
import { sql } from '@strowger/persistence';

/** A message as the queries of this service return it. */
export interface MessageRow {
  id: string;
  conversationId: string;
  numberId: string;
  userId: string;
  systemProviderId: string;
  platformId: string;
  direction: 'inbound' | 'outbound';
  number: string;
  remote: string;
  body: string;
  state: MessageState;
  encoding: 'GSM-7' | 'UCS-2';
  segments: number;
  createdAt: string;
  failure: MessageFailure | null;
  feedCreated: number | null;
  feedSeq: number | null;
  attempts: number;
  automatic: boolean;
}

export const MESSAGE_COLUMNS = sql.raw(`
  id, conversation_id as "conversationId", number_id as "numberId", user_id as "userId", system_provider_id as "systemProviderId",
  platform_id as "platformId", direction, number, remote, body, state, encoding, segments, created_at as "createdAt", failure,
  feed_created::float8 as "feedCreated", feed_seq::float8 as "feedSeq", attempts, automatic`);

export const messageViewOf = (row: MessageRow): MessageView => ({
  id: row.id,
  conversationId: row.conversationId,
  direction: row.direction,
  number: row.number,
  remote: row.remote,
  text: row.body,
  state: row.state,
  encoding: row.encoding,
  segments: row.segments,
  createdAt: new Date(row.createdAt).toISOString(),
  ...(row.failure ? { failure: row.failure } : {}),
  cursor: row.feedSeq ?? 0,
});
