-- Prices and plans as published under a hash.
create or replace function find_tariff_v1(in_hash text) returns table (content jsonb)
language sql stable security definer set search_path from current as $$
  select t.content from tariffs t where t.hash = in_hash order by t.position limit 1
$$;
