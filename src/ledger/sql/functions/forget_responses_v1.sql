-- Forgets stored responses that are older than a day, some at a time, and returns how many. Their claims stay: a later
-- retry is refused with the reason that its call was charged and that the response is gone. That a response was
-- replayed also stays, without the response: its charge is known to have arrived.
create or replace function forget_responses_v1(in_most integer) returns integer
language plpgsql security definer set search_path from current as $$
declare
  v_forgotten integer;
begin
  with old as (
    select a.ctid as at, a.replayed_at is not null as replayed
    from stored_responses a where a.stored_at < ledger_now() - interval '25 hours'
    limit in_most for update skip locked
  ), emptied as (
    update stored_responses a set response = '', stored_at = 'infinity'
    from old where a.ctid = old.at and old.replayed
  ), deleted as (
    delete from stored_responses a using old where a.ctid = old.at and not old.replayed
  )
  select count(*) into v_forgotten from old;
  return v_forgotten;
end
$$;
