/** The quantity rules of reference/provisioning-soap-api.md §6.3: what each change of a balance must leave true. */
export const RULES = `
-- The invariant that stands against a change, what was asked of its level and what is free there.
create type license_refusal as (level text, requested int, available int);

-- A reseller's groups commit p_more than before (or, with p_adds, an assignment is added in a group that had reserved
-- it already). Tests I2, then I1, and carries the difference up. An assignment passes no broken invariant, even one it
-- leaves as it is; a move passes what it doesn't make worse: p_drawn and p_committed are what was before it.
create function carry_license_commit(
  pool license_pool, p_reseller uuid, p_more int, p_adds boolean, p_drawn int, p_committed int
) returns license_refusal language plpgsql as $fn$
declare
  r_quantity int;
  r_drawn int;
  up int;
begin
  if p_more = 0 and not p_adds then
    return null;
  end if;
  select quantity, drawn into r_quantity, r_drawn from license_share where pool_id = pool.id and node_id = p_reseller;
  if (p_adds or p_more > 0) and r_drawn + p_more > r_quantity and r_drawn + p_more > coalesce(p_drawn, -1)
    and exists (select from reseller where id = p_reseller and oversell = 'NONE') then
    return row('reseller', greatest(p_more, 1), greatest(r_quantity - r_drawn, 0))::license_refusal;
  end if;
  -- greatest() passes over a quantity that is null.
  up := greatest(r_quantity, coalesce(r_drawn, 0) + p_more) - greatest(r_quantity, coalesce(r_drawn, 0));
  if (p_adds or up > 0) and pool.committed + up > pool.own and pool.committed + up > coalesce(p_committed, -1) then
    return row('provider', greatest(up, 1), greatest(pool.own - pool.committed, 0))::license_refusal;
  end if;
  if r_drawn is null then
    insert into license_share (pool_id, node_id, level, reseller_id, drawn)
      values (pool.id, p_reseller, 'reseller', p_reseller, p_more);
  elsif p_more <> 0 then
    update license_share set drawn = drawn + p_more where pool_id = pool.id and node_id = p_reseller;
  end if;
  if up <> 0 then
    update license_pool set committed = committed + up where id = pool.id;
  end if;
  return null;
end
$fn$;

-- p_used assignments more or fewer in a group. Tests I3, I2, I1 in this order and writes nothing when one fails.
create function draw_license(
  pool license_pool, p_reseller uuid, p_group uuid, p_used int, p_drawn int default null, p_committed int default null
) returns license_refusal language plpgsql as $fn$
declare
  g_quantity int;
  g_drawn int;
  refused license_refusal;
begin
  select quantity, drawn into g_quantity, g_drawn from license_share where pool_id = pool.id and node_id = p_group;
  if p_used > 0 and g_drawn + p_used > g_quantity then
    return row('group', p_used, greatest(g_quantity - g_drawn, 0))::license_refusal;
  end if;
  refused := carry_license_commit(
    pool, p_reseller, case when g_quantity is null then p_used else 0 end, p_used > 0, p_drawn, p_committed);
  if refused.level is not null then
    return refused;
  end if;
  if g_drawn is null then
    insert into license_share (pool_id, node_id, level, reseller_id, drawn)
      values (pool.id, p_group, 'group', p_reseller, p_used);
  else
    update license_share set drawn = drawn + p_used where pool_id = pool.id and node_id = p_group;
  end if;
  return null;
end
$fn$;

-- Makes a pool where there is none, and locks it.
create function lock_license_pool(p_provider uuid, p_application text, p_license_type text)
returns license_pool language plpgsql as $fn$
declare
  pool license_pool;
begin
  select * into pool from license_pool
    where (system_provider_id, application, license_type) = (p_provider, p_application, p_license_type) for update;
  if not found then
    insert into license_pool (id, system_provider_id, application, license_type, created_at)
      values (gen_random_uuid(), p_provider, p_application, p_license_type, now()) on conflict do nothing;
    select * into pool from license_pool
      where (system_provider_id, application, license_type) = (p_provider, p_application, p_license_type) for update;
  end if;
  return pool;
end
$fn$;

-- Adds to, sets ('set') or takes away ('remove') the sub-purchase of a reseller or group, whose row the caller holds.
-- A level of 'group' or 'reseller' equal to the node's own says that the quantity is below what is drawn from it.
create function set_license_share(
  p_provider uuid, p_application text, p_license_type text, p_level text, p_reseller uuid, p_node uuid,
  p_how text, p_quantity int, p_at timestamptz, p_actor jsonb,
  out level text, out requested int, out available int, out quantity_before int, out quantity_after int, out drawn int
) language plpgsql as $fn$
declare
  pool license_pool := lock_license_pool(p_provider, p_application, p_license_type);
  refused license_refusal;
  up int;
begin
  select s.quantity, s.drawn into quantity_before, drawn from license_share s
    where s.pool_id = pool.id and s.node_id = p_node;
  drawn := coalesce(drawn, 0);
  quantity_after := case p_how when 'add' then coalesce(quantity_before, 0) + p_quantity when 'set' then p_quantity end;
  if quantity_after is not distinct from quantity_before then
    return;
  end if;
  if p_level = 'group' then
    if drawn > quantity_after then
      refused := row('group', drawn, quantity_after);
    else
      refused := carry_license_commit(
        pool, p_reseller, coalesce(quantity_after, drawn) - coalesce(quantity_before, drawn), false, null, null);
    end if;
  elsif drawn > quantity_after and exists (select from reseller where id = p_node and oversell = 'NONE') then
    refused := row('reseller', drawn, quantity_after);
  else
    up := greatest(quantity_after, drawn) - greatest(quantity_before, drawn);
    if up > 0 and pool.committed + up > pool.own then
      refused := row('provider', up, greatest(pool.own - pool.committed, 0));
    elsif up <> 0 then
      update license_pool set committed = committed + up where id = pool.id;
    end if;
  end if;
  level := refused.level;
  requested := refused.requested;
  available := refused.available;
  if level is not null then
    return;
  end if;
  insert into license_share (pool_id, node_id, level, reseller_id, quantity)
    values (pool.id, p_node, p_level, p_reseller, quantity_after)
    on conflict (pool_id, node_id) do update set quantity = excluded.quantity;
  insert into license_ledger (at, system_provider_id, pool_id, kind, action, item_id, reseller_id, group_id, change,
      quantity, actor_kind, actor_id)
    values (p_at, p_provider, pool.id, 'sub-purchase',
      case when quantity_after is null then 'removed' when quantity_before is null then 'added' else 'changed' end,
      p_node, p_reseller, case when p_level = 'group' then p_node end,
      coalesce(quantity_after, 0) - coalesce(quantity_before, 0), quantity_after, p_actor->>'kind', p_actor->>'id');
end
$fn$;

-- Sums up the purchases that are active now. With p_guarded, a sum that shrinks below what is committed is refused and
-- the pool left as it is; time may take licences away nevertheless.
create function settle_license_pool(
  p_pool uuid, p_guarded boolean, out refused boolean, out committed int, out own_before int, out own_after int
) language plpgsql as $fn$
begin
  select p.own, p.committed into own_before, committed from license_pool p where id = p_pool for update;
  select case when count(*) filter (where quantity is null) = 0 then coalesce(sum(quantity), 0) end into own_after
    from license_purchase where pool_id = p_pool and state = 'active';
  refused := p_guarded and committed > own_after and (own_before is null or own_after < own_before);
  if not refused and own_before is distinct from own_after then
    update license_pool set own = own_after where id = p_pool;
  end if;
  refused := coalesce(refused, false);
end
$fn$;
`;
