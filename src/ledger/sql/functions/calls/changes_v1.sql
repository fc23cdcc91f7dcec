-- What of a shard's log, after a position, changes who may buy what: events of keys, accounts and tariffs, which no call makes.
-- Of each account that changed, the position of its last change.
create or replace function changes_v1(in_shard smallint, in_after bigint)
returns table ("position" bigint, epoch integer, accounts json, has_new_tariff boolean)
language plpgsql stable security definer set search_path from current as $$
#variable_conflict use_column
begin
  return query
    select h.position, h.epoch, coalesce(c.accounts, '{}'), coalesce(c.has_new_tariff, false)
    from heads h
    cross join lateral (
      select json_object_agg(l.account_id, l.position) filter (where l.account_id is not null) as accounts,
        bool_or(l.account_id is null) as has_new_tariff
      from (
        select e.account_id, max(e.position) as position from events e
        -- The first condition lets PostgreSQL use the index of rare events.
        where e.shard = h.shard and e.position > in_after and {{is_rare}} and {{decides}}
        group by e.account_id
      ) l
    ) c
    where h.shard = in_shard;
end
$$;
