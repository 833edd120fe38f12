import { RULES } from './licensing-rules.js';

/**
 * Who changes a balance: the rules of reference/provisioning-soap-api.md §6.3, applied where the lock is held, so that an
 * assignment is one statement and holds its pool for no longer than that. Order of locks everywhere: node or user, then
 * pools by id; shares and assignments are guarded by their pool's lock.
 */
const USERS = `
-- Ends the running trial that a permanent licence takes the place of, unless the provider, or the nearest one above it
-- that says so, lets trials run to their end.
create function supersede_trial(
  u app_user, p_application text, p_license uuid, p_at timestamptz, p_actor jsonb
) returns void language plpgsql as $fn$
declare
  running trial;
  runs_on boolean;
begin
  select * into running from trial where system_provider_id = u.system_provider_id
    and user_key = u.broadworks_user_key and application = p_application and state = 'running' and ends_at > p_at
    for update;
  if not found then
    return;
  end if;
  select above.use_trial_licenses_until_expiration into runs_on
    from system_provider p join system_provider above on above.id = any (p.path)
    where p.id = u.system_provider_id and above.use_trial_licenses_until_expiration is not null
    order by cardinality(above.path) desc limit 1;
  if runs_on then
    return;
  end if;
  update trial set state = 'superseded', ended_at = p_at, superseded_by = p_license where id = running.id;
  insert into license_ledger (at, system_provider_id, kind, action, item_id, reseller_id, group_id, user_id, actor_kind,
      actor_id)
    values (p_at, u.system_provider_id, 'trial', 'superseded', running.id, u.reseller_id, u.group_id, u.id,
      p_actor->>'kind', p_actor->>'id');
end
$fn$;

-- The whole of an assignment, statement by statement, so that the pool is held for a fraction of a millisecond and
-- until the commit. All in plpgsql, which keeps its plans; a function in plain sql is planned anew by each call.
-- p_event is the CloudEvent of a change of entitlement without what only the user's row knows.
-- outcome: 'assigned', 'kept' (the user has it; nothing is tested or written), 'no-user', or 'refused' at a level.
create function assign_license(
  p_scope_level text, p_scope uuid, p_user uuid, p_application text, p_license_type text, p_messaging boolean,
  p_at timestamptz, p_actor jsonb, p_license uuid, p_history uuid, p_event jsonb,
  out outcome text, out license_id uuid, out entitled_now boolean,
  out level text, out requested int, out available int, out own int
) language plpgsql as $fn$
declare
  u app_user;
  pool license_pool;
  refused license_refusal;
  fact jsonb;
begin
  entitled_now := false;
  select * into u from app_user a where a.id = p_user and a.ended_at is null and case p_scope_level
      when 'platform' then true
      when 'system-provider' then a.system_provider_id = p_scope
        or exists (select from system_provider p where p.id = a.system_provider_id and p.path @> array[p_scope])
      when 'reseller' then a.reseller_id = p_scope
      when 'group' then a.group_id = p_scope
      when 'user' then a.id = p_scope
      else false end
    for no key update;
  if not found then
    outcome := 'no-user';
    return;
  end if;
  select a.id into license_id from license_assignment a
    where a.user_id = u.id and a.application = p_application and a.license_type = p_license_type and a.ended_at is null;
  if found then
    outcome := 'kept';
    return;
  end if;

  select * into pool from license_pool p where p.system_provider_id = u.system_provider_id
    and p.application = p_application and p.license_type = p_license_type for update;
  if not found then
    outcome := 'refused';
    level := 'provider';
    requested := 1;
    available := 0;
    own := 0;
    return;
  end if;
  refused := draw_license(pool, u.reseller_id, u.group_id, 1);
  if refused.level is not null then
    outcome := 'refused';
    level := refused.level;
    requested := refused.requested;
    available := refused.available;
    own := pool.own;
    return;
  end if;

  outcome := 'assigned';
  license_id := p_license;
  insert into license_assignment (id, user_id, system_provider_id, reseller_id, group_id, pool_id, application,
      license_type, assigned_at)
    values (p_license, u.id, u.system_provider_id, u.reseller_id, u.group_id, pool.id, p_application, p_license_type,
      p_at);
  insert into license_ledger (at, system_provider_id, pool_id, kind, action, item_id, reseller_id, group_id, user_id,
      change, actor_kind, actor_id)
    values (p_at, u.system_provider_id, pool.id, 'assignment', 'assigned', p_license, u.reseller_id, u.group_id, u.id,
      1, p_actor->>'kind', p_actor->>'id');
  insert into history_entry (id, at, actor_kind, actor_id, actor_name, ip, action, object_kind, object_id, object_name,
      changes, system_provider_id, reseller_id, group_id, user_id)
    values (p_history, p_at, p_actor->>'kind', p_actor->>'id', p_actor->>'name', p_actor->>'ip', 'license-assigned',
      'user', u.id, u.name, jsonb_build_object('application', p_application, 'licenseType', p_license_type),
      u.system_provider_id, u.reseller_id, u.group_id, u.id);
  perform supersede_trial(u, p_application, p_license, p_at, p_actor);

  if p_messaging and not u.messaging_entitled then
    entitled_now := true;
    update app_user set messaging_entitled = true, license_revision = license_revision + 1, version = version + 1
      where id = u.id;
    fact := p_event || jsonb_build_object(
      'subject', u.id, 'sequence', u.license_revision + 1, 'tenantid', u.system_provider_id,
      'data', jsonb_build_object('userId', u.id, 'systemProviderId', u.system_provider_id, 'entitled', true));
    insert into outbox (id, type, subject, sequence, tenant_id, traceparent, event)
      values ((fact->>'id')::uuid, fact->>'type', u.id, u.license_revision + 1, u.system_provider_id,
        fact->>'traceparent', fact::text);
  end if;
end
$fn$;

-- Several assignments at once, each with an outcome of its own, in the order given: one commit for all of them. All
-- users, then all pools are locked in the order of their ids before the first is looked at.
create function assign_licenses(p_requests jsonb)
returns table (outcome text, license_id uuid, entitled_now boolean, level text, requested int, available int, own int)
language plpgsql as $fn$
declare
  r record;
begin
  perform from app_user u where u.id in (select (e->>'userId')::uuid from jsonb_array_elements(p_requests) e)
    order by u.id for no key update;
  perform from license_pool p where (p.system_provider_id, p.application, p.license_type) in (
      select u.system_provider_id, e->>'application', e->>'licenseType'
      from jsonb_array_elements(p_requests) e join app_user u on u.id = (e->>'userId')::uuid)
    order by p.id for update;
  for r in select * from jsonb_to_recordset(p_requests) as e ("scopeLevel" text, scope uuid, "userId" uuid,
    application text, "licenseType" text, messaging boolean, at timestamptz, actor jsonb, id uuid, "historyId" uuid,
    event jsonb)
  loop
    return query select * from assign_license(r."scopeLevel", r.scope, r."userId", r.application, r."licenseType",
      r.messaging, r.at, r.actor, r.id, r."historyId", r.event);
  end loop;
end
$fn$;

-- Whether the user may message: by a licence that is served, or a trial that runs.
create function messaging_entitled(p_user uuid, p_messaging_applications text[]) returns boolean
language sql stable as $fn$
  select exists (select from license_assignment where user_id = p_user and ended_at is null
      and suspended_at is null and application = any (p_messaging_applications))
    or exists (select from trial where user_id = p_user and state = 'running'
      and application = any (p_messaging_applications));
$fn$;

-- Gives back one licence of a user, one product's, or all. The caller holds the user's row.
create function release_licenses(
  p_user uuid, p_license uuid, p_application text, p_license_type text, p_at timestamptz, p_actor jsonb
) returns setof license_assignment language plpgsql as $fn$
declare
  held license_assignment;
  pool license_pool;
begin
  for held in
    select a.* from license_assignment a where a.user_id = p_user and a.ended_at is null
      and (p_license is null or a.id = p_license)
      and (p_application is null or (a.application, a.license_type) = (p_application, p_license_type))
    order by a.pool_id
  loop
    select * into pool from license_pool where id = held.pool_id for update;
    perform draw_license(pool, held.reseller_id, held.group_id, -1);
    update license_assignment set ended_at = p_at where id = held.id;
    update license_session set ended_at = p_at where user_id = p_user and assignment_id = held.id and ended_at is null;
    insert into license_ledger (at, system_provider_id, pool_id, kind, action, item_id, reseller_id, group_id, user_id,
        change, actor_kind, actor_id)
      values (p_at, held.system_provider_id, held.pool_id, 'assignment', 'released', held.id, held.reseller_id,
        held.group_id, p_user, -1, p_actor->>'kind', p_actor->>'id');
    return next held;
  end loop;
end
$fn$;

-- Moves what a user holds to another group of the provider: drawn there, given back here, or nothing at all. The caller
-- holds the user's row and changes its group.
create function move_licenses(
  p_user uuid, p_reseller uuid, p_group uuid, p_at timestamptz, p_actor jsonb,
  out level text, out requested int, out available int, out application text, out license_type text
) language plpgsql as $fn$
declare
  held license_assignment;
  pool license_pool;
  drawn_before int;
  committed_before int;
  refused license_refusal;
begin
  update trial set reseller_id = p_reseller, group_id = p_group where user_id = p_user;
  for held in
    select * from license_assignment a where a.user_id = p_user and a.ended_at is null and a.group_id <> p_group
    order by a.pool_id
  loop
    select * into pool from license_pool where id = held.pool_id for update;
    committed_before := pool.committed;
    select s.drawn into drawn_before from license_share s where s.pool_id = pool.id and s.node_id = p_reseller;
    perform draw_license(pool, held.reseller_id, held.group_id, -1);
    select * into pool from license_pool where id = held.pool_id;
    refused := draw_license(pool, p_reseller, p_group, 1, coalesce(drawn_before, 0), committed_before);
    if refused.level is not null then
      raise exception using errcode = 'LR001';
    end if;
    update license_assignment set reseller_id = p_reseller, group_id = p_group where id = held.id;
    insert into license_ledger (at, system_provider_id, pool_id, kind, action, item_id, reseller_id, group_id, user_id,
        change, actor_kind, actor_id)
      values
        (p_at, held.system_provider_id, held.pool_id, 'assignment', 'moved-out', held.id, held.reseller_id,
          held.group_id, p_user, -1, p_actor->>'kind', p_actor->>'id'),
        (p_at, held.system_provider_id, held.pool_id, 'assignment', 'moved-in', held.id, p_reseller, p_group, p_user,
          1, p_actor->>'kind', p_actor->>'id');
  end loop;
  update trial set reseller_id = p_reseller, group_id = p_group where user_id = p_user;
exception when sqlstate 'LR001' then
  level := refused.level;
  requested := refused.requested;
  available := refused.available;
  application := held.application;
  license_type := held.license_type;
end
$fn$;
`;

const NODES = `
-- Gives back everything below a node that is being deleted, set by set: assignments, sub-purchases and, of a provider,
-- its purchases. The caller has ended the node and its users, so nothing is added meanwhile.
create function release_licenses_under(p_level text, p_node uuid, p_at timestamptz, p_actor jsonb)
returns int language plpgsql as $fn$
declare
  pools uuid[];
  gone license_share[];
  released int;
begin
  update license_session l set ended_at = p_at from app_user u where u.id = l.user_id and l.ended_at is null
    and p_node = case p_level when 'group' then u.group_id when 'reseller' then u.reseller_id
      else u.system_provider_id end;
  select array_agg(id) into pools from (
    select id from license_pool where case p_level when 'system-provider' then system_provider_id = p_node
        else id in (select pool_id from license_share s where s.node_id = p_node or s.reseller_id = p_node) end
      order by id for update) locked;
  if pools is null then
    return 0;
  end if;

  select array_agg(s) into gone from license_share s where s.pool_id = any (pools)
    and (p_level = 'system-provider' or s.node_id = p_node or s.reseller_id = p_node);

  with ended as (
    update license_assignment a set ended_at = p_at from unnest(gone) s
      where s.level = 'group' and a.group_id = s.node_id and a.pool_id = s.pool_id and a.ended_at is null
      returning a.id, a.system_provider_id, a.pool_id, a.reseller_id, a.group_id, a.user_id),
  told as (
    insert into license_ledger (at, system_provider_id, pool_id, kind, action, item_id, reseller_id, group_id, user_id,
        change, actor_kind, actor_id)
      select p_at, system_provider_id, pool_id, 'assignment', 'released', id, reseller_id, group_id, user_id, -1,
        p_actor->>'kind', p_actor->>'id' from ended)
  select count(*) into released from ended;

  insert into license_ledger (at, system_provider_id, pool_id, kind, action, item_id, reseller_id, group_id, change,
      actor_kind, actor_id)
    select p_at, p.system_provider_id, s.pool_id, 'sub-purchase', 'removed', s.node_id, s.reseller_id,
      case when s.level = 'group' then s.node_id end, -s.quantity, p_actor->>'kind', p_actor->>'id'
    from unnest(gone) s join license_pool p on p.id = s.pool_id where s.quantity is not null;

  update license_share s set quantity = null, drawn = 0 from unnest(gone) g
    where (s.pool_id, s.node_id) = (g.pool_id, g.node_id);
  if p_level = 'group' then
    -- The reseller gets back what the group had committed, the pool what that leaves the reseller needing less.
    with given_back as (
      update license_share s set drawn = s.drawn - coalesce(g.quantity, g.drawn) from unnest(gone) g
        where s.pool_id = g.pool_id and s.node_id = g.reseller_id
        returning s.pool_id, greatest(coalesce(s.quantity, 0), s.drawn + coalesce(g.quantity, g.drawn))
          - greatest(coalesce(s.quantity, 0), s.drawn) as down)
    update license_pool p set committed = committed - down from given_back b where b.pool_id = p.id and down <> 0;
  else
    update license_pool p set committed = committed - g.commit from (
      select pool_id, sum(greatest(coalesce(quantity, 0), drawn)) as commit from unnest(gone)
        where level = 'reseller' group by pool_id) g
      where g.pool_id = p.id;
  end if;

  if p_level = 'system-provider' then
    insert into license_ledger (at, system_provider_id, pool_id, kind, action, item_id, quantity, counts, actor_kind,
        actor_id)
      select p_at, system_provider_id, pool_id, 'purchase', 'ended', id, quantity, false, p_actor->>'kind',
        p_actor->>'id' from license_purchase where system_provider_id = p_node and state <> 'ended';
    update license_purchase set state = 'ended', ended_at = p_at, updated_at = p_at, version = version + 1
      where system_provider_id = p_node and state <> 'ended';
    update license_pool set own = 0 where system_provider_id = p_node;
  end if;
  return released;
end
$fn$;
`;

export const LICENSING_FUNCTIONS = RULES + USERS + NODES;
