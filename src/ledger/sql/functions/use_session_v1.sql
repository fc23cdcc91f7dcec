-- The session of this hash, if it is not over. That it is used is noted once a minute, for a page asks for several things at once.
-- Without a role in its result it is of a version before, and PostgreSQL does not replace what has another result.
drop function if exists use_session_v1(bytea);
create or replace function use_session_v1(in_hash bytea)
returns table (role text, subject text, organisation text, signed_in_at timestamptz)
language plpgsql security definer set search_path from current as $$
declare
  v_now timestamptz := ledger_now();
begin
  update portal_sessions s set last_used_at = v_now
  where s.session_hash = in_hash and s.last_used_at between v_now - {{max_idle}} and v_now - interval '1 minute'
    and s.signed_in_at >= v_now - {{max_age}};
  return query select s.role, s.subject, s.organisation, s.signed_in_at from portal_sessions s
    where s.session_hash = in_hash and s.last_used_at >= v_now - {{max_idle}} and s.signed_in_at >= v_now - {{max_age}};
end
$$;
