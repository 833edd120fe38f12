import type { MessageView } from './views.js';

/** Core NATS subject of live frames for one user. A hint only: the feed and its cursor are the truth. */
export const pushSubject = (userId: string): string => `push.user.${userId}`;

/**
 * What goes over `pushSubject`: the frame's cursor, a space, the frame's JSON, so that the gateway forwards a frame
 * without parsing it. A user's cursors have no gaps: a jump tells the gateway that a push was lost.
 */
export const encodePush = (cursor: number, frameJson: string): string => `${cursor} ${frameJson}`;

/** Frames of the client protocol (design §9), server to client. `cursor` is the feed position after the frame. */
export type ClientFrame =
  | { type: 'message.created' | 'message.updated'; cursor: number; message: MessageView }
  | { type: 'hello'; userId: string; cursor: number }
  | { type: 'synced'; cursor: number }
  | { type: 'ping' }
  | { type: 'error'; code: string; detail: string };

/** Frames a client sends. */
export type ClientRequest = { type: 'hello'; cursor?: number } | { type: 'ack'; cursor: number } | { type: 'pong' };
