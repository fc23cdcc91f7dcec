-- A shard's tariff in force and those that come into force later, by time. What was announced for a time and
-- replaced before it, is none of them.
create or replace function current_tariffs_v1(in_shard smallint)
returns table (hash text, effective_from timestamptz, notice text, content jsonb)
language sql stable security definer set search_path from current as $$
  select distinct on (t.effective_from) t.hash, t.effective_from, t.notice, t.content
  from tariffs t
  where t.shard = in_shard
    and (t.effective_from > ledger_now() or t.position = (
      select c.position from tariffs c
      where c.shard = in_shard and c.effective_from <= ledger_now()
      order by c.effective_from desc, c.position desc limit 1))
  order by t.effective_from, t.position desc
$$;
