-- Deletes sessions that are over: what they say of users is kept no longer than it is needed.
create or replace function forget_sessions_v1() returns void
language sql security definer set search_path from current as $$
  delete from portal_sessions s
  where s.last_used_at < ledger_now() - {{max_idle}} or s.signed_in_at < ledger_now() - {{max_age}}
$$;
