-- Signs a user out everywhere. Returns how many sessions have ended.
create or replace function close_sessions_v1(in_subject text) returns bigint
language sql security definer set search_path from current as $$
  with ended as (delete from portal_sessions s where s.subject = in_subject returning 1)
  select count(*) from ended
$$;
