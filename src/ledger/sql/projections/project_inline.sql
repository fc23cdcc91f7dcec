-- Feeds every inline projection with the rows that were just written, inside the same transaction.
create or replace function project_inline() returns trigger
language plpgsql as $$
declare
  v_types text[] := array(select distinct type from batch);
begin
  {{statements}}
  return null;
end
$$;
