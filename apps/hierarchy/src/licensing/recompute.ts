import { sql, type Db } from '@strowger/persistence';

/** A balance that is not what the ledger says. Numbers as text; null where there is none, or unlimited. */
export interface LicenseDifference {
  /** Which balance: `pool-own`, `pool-committed`, `reseller-drawn`, `group-used`, `sub-purchase` … */
  what: string;
  systemProviderId: string | null;
  product: string | null;
  /** The purchase, reseller, group, user or trial it is about. */
  about: string | null;
  kept: string | null;
  recomputed: string | null;
}

export const describeLicenseDifference = (d: LicenseDifference): string =>
  `${d.what}  provider ${d.systemProviderId}  ${d.product ?? '-'}  ${d.about ?? '-'}  kept ${d.kept ?? 'none'}, recomputed ${d.recomputed ?? 'none'}`;

/**
 * Every balance once more from the append-only ledger alone, by the formulas of reference/provisioning-soap-api.md §6.3,
 * beside what is kept; empty when all agree. Reads one snapshot, so it may run beside live traffic.
 */
export async function recomputeLicenses(db: Db): Promise<LicenseDifference[]> {
  return db.query(sql<LicenseDifference>`
    with
    entry as (select distinct on (kind, pool_id, item_id) kind, action, pool_id, item_id, reseller_id, group_id,
        quantity, counts from license_ledger where kind <> 'assignment' order by kind, pool_id, item_id, id desc),
    own as (select pool_id, case when count(*) filter (where counts and quantity is null) = 0
        then coalesce(sum(quantity) filter (where counts), 0) end as own
      from entry where kind = 'purchase' group by pool_id),
    sub as (select pool_id, item_id as node_id, reseller_id, group_id, quantity from entry
      where kind = 'sub-purchase' and quantity is not null),
    used as (select pool_id, group_id, reseller_id, sum(change) as used from license_ledger
      where kind = 'assignment' group by pool_id, group_id, reseller_id having sum(change) <> 0),
    grp as (select coalesce(u.pool_id, s.pool_id) as pool_id, coalesce(u.group_id, s.group_id) as group_id,
        coalesce(u.reseller_id, s.reseller_id) as reseller_id, coalesce(u.used, 0) as used, s.quantity
      from used u full join (select * from sub where group_id is not null) s
        on (s.pool_id, s.group_id, s.reseller_id) = (u.pool_id, u.group_id, u.reseller_id)),
    drawn as (select pool_id, reseller_id, sum(coalesce(quantity, used)) as drawn from grp group by pool_id, reseller_id),
    res as (select coalesce(d.pool_id, s.pool_id) as pool_id, coalesce(d.reseller_id, s.reseller_id) as reseller_id,
        coalesce(d.drawn, 0) as drawn, s.quantity
      from drawn d full join (select * from sub where group_id is null) s
        on (s.pool_id, s.reseller_id) = (d.pool_id, d.reseller_id)),
    committed as (select pool_id, sum(greatest(coalesce(quantity, 0), drawn)) as committed from res group by pool_id),
    held as (select pool_id, group_id, count(*) as used from license_assignment where ended_at is null
      group by pool_id, group_id),
    found as (
      select 'pool-own' as what, p.id as pool_id, null::uuid as about, p.own::text as kept,
          (case when o.pool_id is null then 0 else o.own end)::text as recomputed
        from license_pool p left join own o on o.pool_id = p.id
      union all
      select 'pool-committed', p.id, null, p.committed::text, coalesce(c.committed, 0)::text
        from license_pool p left join committed c on c.pool_id = p.id
      union all
      select 'purchase', coalesce(p.pool_id, e.pool_id), coalesce(p.id, e.item_id),
          concat(coalesce(p.quantity::text, 'unlimited'), case when p.state = 'active' then ' active' end),
          concat(coalesce(e.quantity::text, 'unlimited'), case when e.counts then ' active' end)
        from license_purchase p full join (select * from entry where kind = 'purchase') e on e.item_id = p.id
      union all
      select 'reseller-drawn', coalesce(s.pool_id, r.pool_id), coalesce(s.node_id, r.reseller_id),
          coalesce(s.drawn, 0)::text, coalesce(r.drawn, 0)::text
        from (select * from license_share where level = 'reseller') s
          full join res r on (r.pool_id, r.reseller_id) = (s.pool_id, s.node_id)
      union all
      select 'group-used', coalesce(s.pool_id, g.pool_id), coalesce(s.node_id, g.group_id),
          coalesce(s.drawn, 0)::text, coalesce(g.used, 0)::text
        from (select * from license_share where level = 'group') s
          full join grp g on (g.pool_id, g.group_id) = (s.pool_id, s.node_id)
      union all
      select 'group-assignments', coalesce(h.pool_id, g.pool_id), coalesce(h.group_id, g.group_id),
          coalesce(h.used, 0)::text, coalesce(g.used, 0)::text
        from held h full join grp g on (g.pool_id, g.group_id) = (h.pool_id, h.group_id)
      union all
      select 'sub-purchase', coalesce(s.pool_id, b.pool_id), coalesce(s.node_id, b.node_id), s.quantity::text,
          b.quantity::text
        from license_share s full join sub b on (b.pool_id, b.node_id) = (s.pool_id, s.node_id)
      union all
      select 'assignment-astray', a.pool_id, a.user_id, a.group_id::text,
          case when u.ended_at is null then u.group_id end::text
        from license_assignment a join app_user u on u.id = a.user_id where a.ended_at is null)
    select f.what, p.system_provider_id as "systemProviderId", p.application || ' ' || p.license_type as product,
        f.about, f.kept, f.recomputed
      from found f left join license_pool p on p.id = f.pool_id where f.kept is distinct from f.recomputed
    union all
    select 'trial', t.system_provider_id, t.application, t.id, t.state,
        case e.action when 'started' then 'running' else e.action end
      from trial t left join (select * from entry where kind = 'trial') e on e.item_id = t.id
      where t.state is distinct from case e.action when 'started' then 'running' else e.action end
    order by 2, 3, 1, 4`);
}
