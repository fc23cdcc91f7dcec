-- Signs a browser in. The session that it had before ends, and so does what is over of others.
create or replace function open_session_v1(
  in_hash bytea, in_subject text, in_organisation text, in_replaces bytea
) returns timestamptz
language plpgsql security definer set search_path from current as $$
declare
  v_now timestamptz := ledger_now();
begin
  delete from portal_sessions s
  where s.session_hash = in_replaces or s.last_used_at < v_now - {{max_idle}} or s.signed_in_at < v_now - {{max_age}};
  insert into portal_sessions values (in_hash, in_subject, in_organisation, v_now, v_now);
  return v_now;
end
$$;
