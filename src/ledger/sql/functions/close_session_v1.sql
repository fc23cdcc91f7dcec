-- Signs a browser out.
create or replace function close_session_v1(in_hash bytea) returns void
language sql security definer set search_path from current as $$
  delete from portal_sessions s where s.session_hash = in_hash
$$;
