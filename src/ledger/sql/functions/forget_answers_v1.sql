-- Forgets stored answers that are older than a day, some at a time; answers how many. Their claims stay:
-- a retry after that is told that it was charged and that the answer is gone.
create or replace function forget_answers_v1(in_most integer) returns integer
language plpgsql security definer set search_path from current as $$
declare
  v_forgotten integer;
begin
  delete from stored_answers where ctid in (
    select a.ctid from stored_answers a where a.stored_at < book_now() - interval '25 hours'
    limit in_most for update skip locked
  );
  get diagnostics v_forgotten = row_count;
  return v_forgotten;
end
$$;
