import { Migration } from '@mikro-orm/migrations';

/**
 * What the SOAP API asks most: the licenses of users by their names, many at once. A function, because its plan is kept
 * with the connection: to plan eight tables again costs several times what it takes to look into them.
 */
export class M20261120fProvision extends Migration {
  override name = 'm20261120f-provision';

  override up(): void {
    this.addSql(`
create function licenses_by_names(p_asked json)
returns table (nth int, has_reseller boolean, has_group boolean, user_id uuid, held json)
language plpgsql stable as $fn$
begin
  return query
    select k.nth, r.id is not null, g.id is not null, u.id, licenses.list
    from json_to_recordset(p_asked)
      as k (nth int, scope uuid, host text, reseller text, "group" text, "user" text)
    join server_host_name h on h.host_name_key = k.host and h.ended_at is null
    join system_provider p on p.id = h.system_provider_id and p.ended_at is null and k.scope = any (p.path)
    left join reseller r on r.system_provider_id = p.id and r.key = k.reseller and r.ended_at is null
    left join reseller_group g on g.reseller_id = r.id and g.key = k."group" and g.ended_at is null
    left join app_user u on u.system_provider_id = p.id and u.broadworks_user_key = k."user" and u.ended_at is null
      and u.group_id = g.id
    left join lateral (
      select json_agg(json_build_array(l.application, l.license_type, l.since, l.until)) as list from (
        select a.application, a.license_type, extract(epoch from a.assigned_at) * 1000 as since, null::numeric as until
        from license_assignment a where a.user_id = u.id and a.ended_at is null
        union all
        select t.application, t.license_type, extract(epoch from t.started_at) * 1000,
          extract(epoch from t.ends_at) * 1000
        from trial t where t.user_id = u.id and t.state = 'running'
      ) as l
    ) as licenses on u.id is not null;
end
$fn$;`);
  }
}
