import { Injectable } from '@nestjs/common';
import { routingRpc as rpc, type BlockNumber, type BlockView } from '@strowger/contracts-routing';
import { AppError, isE164, newId, NotFound, parseNanp, type RpcRequest, type TenantScope } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { DirectoryService } from '../directory/directory.service.js';

export class BlockingNotAllowed extends AppError {
  constructor() {
    super(
      'forbidden',
      'blocking-not-allowed',
      'Your system provider does not let users block numbers on this platform.',
    );
  }
}

/** A user's own list of remote numbers that get no thread, no notification, only a count. */
@Injectable()
export class BlocksService {
  constructor(
    private readonly db: Db,
    private readonly directory: DirectoryService,
  ) {}

  /** Safe to repeat. */
  @Answers(rpc.blockNumber)
  async block({ scope, body: { userId, number } }: RpcRequest<BlockNumber>): Promise<BlockView> {
    own(scope, userId);
    const remote = senderOf(number);
    const owned = await this.directory.numbersOf(scope, userId);
    const platforms = await Promise.all(
      [...new Set(owned.map((n) => n.platformId))].map((id) => this.directory.platform(id)),
    );
    if (platforms.some((platform) => platform && !platform.userCanBlock)) throw new BlockingNotAllowed();
    const [row] = await this.db.query<BlockRow>(sql`
      insert into block (id, user_id, system_provider_id, remote, created_at) values (${newId()}, ${userId}, ${scope.systemProviderId}, ${remote}, now())
      on conflict (user_id, remote) do update set remote = excluded.remote returning id, remote, created_at, blocked_messages::float8 as blocked_messages`);
    return viewOf(row!);
  }

  @Answers(rpc.unblockNumber)
  async unblock({ scope, body: { userId, id } }: RpcRequest<{ userId: string; id: string }>): Promise<null> {
    own(scope, userId);
    const gone = await this.db.query(sql`delete from block where id = ${id} and user_id = ${userId} returning id`);
    if (gone.length === 0) throw new NotFound('block', id);
    return null;
  }

  @Answers(rpc.listBlocks)
  async list({ scope, body: { userId } }: RpcRequest<{ userId: string }>): Promise<BlockView[]> {
    own(scope, userId);
    return (
      await this.db.query<BlockRow>(
        sql`select id, remote, created_at, blocked_messages::float8 as blocked_messages from block where user_id = ${userId} order by created_at desc limit 1000`,
      )
    ).map(viewOf);
  }
}

interface BlockRow {
  id: string;
  remote: string;
  created_at: string;
  blocked_messages: number;
}

const viewOf = (row: BlockRow): BlockView => ({
  id: row.id,
  number: row.remote,
  createdAt: new Date(row.created_at).toISOString(),
  blockedMessages: row.blocked_messages,
});

/** Blocks are private to their user. */
function own(scope: TenantScope, userId: string): void {
  if (scope.level !== 'user' || scope.id !== userId) throw new NotFound('user', userId);
}

/** Names, short codes and numbers of other countries write too, as carriers give them. */
function senderOf(written: string): string {
  const text = written.trim();
  if (/^\d{3,6}$/.test(text) || (text.startsWith('+') && isE164(text) && !text.startsWith('+1'))) return text;
  // A name has a letter, and never only what a number has.
  return /^(?=.*\p{L})[\p{L}\p{N} ._&'-]{1,32}$/u.test(text) ? text : parseNanp(text);
}
