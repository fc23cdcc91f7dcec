-- Refuses changes of the log, to its owner as well.
create or replace function refuse_change() returns trigger
language plpgsql as $$
begin
  raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name
    using errcode = 'restrict_violation';
end
$$;
