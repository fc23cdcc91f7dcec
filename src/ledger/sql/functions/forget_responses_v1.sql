-- Forgets stored responses that are older than a day, so many at most, and returns how many. Their claims stay: a later
-- retry is refused because its call was charged and the response is gone. That a response was replayed also stays, for then
-- the charge is known to be delivered.
create or replace function forget_responses_v1(in_max integer) returns integer
language plpgsql security definer set search_path from current as $$
declare
  v_forgotten integer;
begin
  with old as (
    select s.ctid, s.replayed_at is not null as replayed
    from stored_responses s where s.stored_at < ledger_now() - interval '25 hours'
    limit in_max for update skip locked
  ), emptied as (
    update stored_responses s set response = '', stored_at = 'infinity'
    from old where s.ctid = old.ctid and old.replayed
  ), deleted as (
    delete from stored_responses s using old where s.ctid = old.ctid and not old.replayed
  )
  select count(*) into v_forgotten from old;
  return v_forgotten;
end
$$;
