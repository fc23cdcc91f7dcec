-- Signs a browser in. The session that it had before ends.
create or replace function open_session_v1(
  in_hash bytea, in_role text, in_subject text, in_organisation text, in_replaces bytea
) returns timestamptz
language plpgsql security definer set search_path from current as $$
declare
  v_now timestamptz := ledger_now();
begin
  delete from portal_sessions s where s.session_hash = in_replaces;
  insert into portal_sessions (session_hash, role, subject, organisation, signed_in_at, last_used_at)
    values (in_hash, in_role, in_subject, in_organisation, v_now, v_now);
  return v_now;
end
$$;
