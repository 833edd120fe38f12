import { IsIn, IsInt, Max, Min, ValidateIf } from 'class-validator';
import type { MessageView } from './views.js';

/** Core NATS subject of live frames for one user. A hint only: the feed and its cursor are the truth. */
export const pushSubject = (userId: string): string => `push.user.${userId}`;

/**
 * What goes over `pushSubject`: the frame's cursor, a space, the frame's JSON, so that the gateway forwards a frame
 * without parsing it. A user's cursors have no gaps: a jump shows the gateway that a push was lost.
 */
export const encodePush = (cursor: number, frameJson: string): string => `${cursor} ${frameJson}`;

/** Frames of the client protocol (design §9), server to client. `cursor` is the feed position after the frame. */
export type ClientFrame =
  | { type: 'message.created' | 'message.updated'; cursor: number; message: MessageView }
  | { type: 'hello'; userId: string; cursor: number }
  | { type: 'synced'; cursor: number }
  /** The client's cursor lies beyond the feed, as after a restore: it forgets what it has and says hello from 0. */
  | { type: 'cursor-ahead'; cursor: number }
  | { type: 'ping' }
  | { type: 'error'; code: string; detail: string };

/** A frame a client sends. Each `hello` starts again from its own cursor. */
export class ClientRequest {
  @IsIn(['hello', 'ack', 'pong']) type!: 'hello' | 'ack' | 'pong';
  /** Where the client stands; a `hello` without one starts from the beginning. */
  @ValidateIf(({ type, cursor }: ClientRequest) => type === 'ack' || cursor !== undefined)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  cursor?: number;
}
