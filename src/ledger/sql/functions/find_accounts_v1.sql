-- The accounts whose name or contact contains a text, which is folded as they are. It says nothing else of them.
create or replace function find_accounts_v1(in_text text) returns setof text
language sql stable security definer set search_path from current as $$
  select n.account_id from account_names n where strpos(n.name, in_text) > 0
$$;
