-- Forgets refused calls that are older than a day, so many at most, and returns how many.
create or replace function forget_refusals_v1(in_max integer) returns integer
language plpgsql security definer set search_path from current as $$
declare
  v_forgotten integer;
begin
  delete from refused_calls r using (
    select o.ctid from refused_calls o where o.refused_at < ledger_now() - interval '1 day'
    limit in_max for update skip locked
  ) old
  where r.ctid = old.ctid;
  get diagnostics v_forgotten = row_count;
  return v_forgotten;
end
$$;
