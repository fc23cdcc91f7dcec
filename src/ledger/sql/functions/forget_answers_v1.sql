-- Forgets stored answers that are older than a day, some at a time; answers how many. Their claims stay:
-- a retry after that is told that it was charged and that the answer is gone. That an answer was given
-- again stays too, without the answer: its charge has arrived for good.
create or replace function forget_answers_v1(in_most integer) returns integer
language plpgsql security definer set search_path from current as $$
declare
  v_forgotten integer;
begin
  with old as (
    select a.ctid as at, a.replayed_at is not null as replayed
    from stored_answers a where a.stored_at < book_now() - interval '25 hours'
    limit in_most for update skip locked
  ), emptied as (
    update stored_answers a set answer = '', stored_at = 'infinity'
    from old where a.ctid = old.at and old.replayed
  ), deleted as (
    delete from stored_answers a using old where a.ctid = old.at and not old.replayed
  )
  select count(*) into v_forgotten from old;
  return v_forgotten;
end
$$;
