/**
 * Opt-outs of remote parties, per pair of owned number and remote number (messaging-rules §6). The pair outlives the
 * number's owner: consent was withdrawn from the number, not from a person the remote party can't see.
 */
import { Injectable } from '@nestjs/common';
import { routingRpc as rpc, type OptOutView } from '@strowger/contracts-routing';
import { newId, NotFound, PLATFORM_SCOPE, type RpcRequest } from '@strowger/kernel';
import { Db, inScope, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { isTollFree, suggestedReplies, type Keyword } from '@strowger/sms';
import { OutboundMessages } from '../outbound/outbound-messages.js';

/** A message that was a keyword and nothing else. */
export interface KeywordMessage {
  messageId: string;
  numberId: string;
  userId: string;
  friendlyName: string;
  number: string;
  remote: string;
  /** The evidence of a STOP. */
  text: string;
  /** Nothing is answered. */
  silent?: boolean;
}

@Injectable()
export class ConsentService {
  constructor(
    private readonly db: Db,
    private readonly outbound: OutboundMessages,
  ) {}

  /** Obeys STOP, START and HELP, and answers once. Joins the transaction that stores the message. */
  async apply(keyword: Keyword, about: KeywordMessage): Promise<void> {
    const replies = suggestedReplies(about.friendlyName, about.number);
    // Toll-free networks answer STOP and START themselves and block; a second answer would break their rules.
    const network = isTollFree(about.number) || about.silent;
    if (keyword === 'help') return this.answer(about, replies.help);
    if (keyword === 'stop') {
      const recorded = await this.db.query(sql`
        insert into opt_out (id, system_provider_id, number, remote, keyword, text, message_id, at)
        select ${newId()}::uuid, system_provider_id, ${about.number}, ${about.remote}, 'stop', ${about.text}, ${about.messageId}::uuid, now() from owned_number where number_id = ${about.numberId}
        on conflict (number, remote) where cleared_at is null do nothing returning id`);
      if (recorded.length && !network) await this.answer(about, replies.stop);
      return;
    }
    const cleared = await this.db.query(sql`
      update opt_out set cleared_at = now(), cleared_by = ${about.messageId}::uuid where number = ${about.number} and remote = ${about.remote} and cleared_at is null returning id`);
    if (cleared.length && !network) await this.answer(about, replies.start);
  }

  /** Who opted out of a number, newest first, with the evidence. */
  @Answers(rpc.listOptOuts)
  async list({ scope, body }: RpcRequest<{ id: string }>): Promise<OptOutView[]> {
    const numberId = body.id;
    const [owned] = await this.db.query<{ e164: string; provider: string }>(
      sql`select e164, system_provider_id as provider from owned_number where number_id = ${numberId} and ${inScope(scope)}`,
    );
    if (!owned) throw new NotFound('number', numberId);
    const rows = await this.db.query<OptOutView>(sql`
      select id, number, remote, keyword, at from opt_out where number = ${owned.e164} and system_provider_id = ${owned.provider} and cleared_at is null order by at desc limit 1000`);
    return rows.map((row) => ({ ...row, at: new Date(row.at).toISOString() }));
  }

  private async answer(about: KeywordMessage, text: string): Promise<void> {
    const { userId, numberId, remote } = about;
    await this.outbound.queue({ id: newId(), userId, scope: PLATFORM_SCOPE, numberId, remote, text, automatic: true });
  }
}
