import { Migration } from '@strowger/persistence';

/**
 * The common case of a batch of inbound messages in one statement, so that it is parsed and planned once and costs one
 * round trip. Each row is looked up; those that are new, for an active number, of an entitled user who has not blocked the
 * sender, get their conversation and their place in the feed and are stored. Answers every row in order: with a message id
 * it is stored, `known` says it was before; what has neither is for `InboundService` to look at closely.
 */
export class M20261120bStoreInbound extends Migration {
  override up(): void {
    this.addSql(`
      create function store_inbound(
        ids uuid[], threads uuid[], platforms uuid[], numbers text[], remotes text[], carrier_ids text[], bodies text[],
        encodings text[], segment_counts smallint[], times timestamptz[]
      ) returns table (known boolean, user_id uuid, conversation_id uuid, "position" bigint)
      language plpgsql as $fn$
      #variable_conflict use_column
      begin
        return query
        with given as (
          select * from unnest(ids, threads, platforms, numbers, remotes, carrier_ids, bodies, encodings, segment_counts, times)
            with ordinality as g(id, thread, platform_id, number, remote, carrier_message_id, body, encoding, segments, created_at, ord)
        ), found as materialized (
          select g.*, n.number_id, n.user_id, n.system_provider_id, n.reseller_id, n.group_id, seen.yes is not null as known,
                 n.number_id is not null and e.entitled and b.id is null and seen.yes is null as plain
          from given g
          left join owned_number n on n.e164 = g.number and n.platform_id = g.platform_id and n.active
          left join user_entitlement e on e.user_id = n.user_id
          left join block b on b.user_id = n.user_id and b.remote = g.remote
          left join lateral (
            select 1 as yes from message m
            where m.direction = 'inbound' and m.platform_id = g.platform_id and m.carrier_message_id = g.carrier_message_id and m.number = g.number
            union all
            select 1 from dismissed d
            where d.platform_id = g.platform_id and d.carrier_message_id = g.carrier_message_id and d.number = g.number
            limit 1) seen on true
        ), conversations as (
          insert into conversation as c (id, number_id, user_id, system_provider_id, reseller_id, group_id, number, remote, last_message_at)
          select distinct on (number_id, remote collate "C") thread, number_id, user_id, system_provider_id, reseller_id, group_id, number, remote, created_at
          from found where plain order by number_id, remote collate "C", ord desc
          on conflict on constraint conversation_thread do update set last_message_at = greatest(c.last_message_at, excluded.last_message_at)
          returning c.id, c.number_id, c.remote
        ), feeds as (
          -- Conversations first, then feeds, each in one order: all who lock both do so, and never wait for each other in a circle.
          insert into user_feed as f (user_id, head)
          select user_id, count(*) from found where plain and (select count(*) from conversations) > 0 group by user_id order by user_id
          on conflict (user_id) do update set head = f.head + excluded.head
          returning f.user_id, f.head
        ), stored as (
          insert into message as m (id, conversation_id, number_id, user_id, system_provider_id, reseller_id, group_id, platform_id, direction, number, remote,
                                    body, state, encoding, segments, created_at, carrier_message_id, feed_created, feed_seq)
          select p.id, c.id, p.number_id, p.user_id, p.system_provider_id, p.reseller_id, p.group_id, p.platform_id, 'inbound', p.number, p.remote,
                 p.body, 'received', p.encoding, p.segments, p.created_at, p.carrier_message_id, p.place, p.place
          from (
            select found.*, f.head - count(*) over (partition by user_id) + row_number() over (partition by user_id order by ord) as place
            from found join feeds f using (user_id) where plain
          ) p join conversations c on c.number_id = p.number_id and c.remote = p.remote
          order by p.ord
          on conflict do nothing
          returning m.id, m.conversation_id, m.user_id, m.feed_seq
        )
        select found.known, stored.user_id, stored.conversation_id, stored.feed_seq
        from found left join stored on stored.id = found.id order by found.ord;
      end
      $fn$`);
  }
}
