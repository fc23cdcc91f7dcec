-- Feeds every inline projection with the rows that were just written, inside the same transaction.
create or replace function project_inline() returns trigger
language plpgsql as $$
declare
  v_types text[];
  -- Whether a row meets each of the conditions that statements have beside their types.
  v_met boolean[];
  -- Whether any row is of a type that calls do not make all the time, or meets one of the conditions.
  v_is_rare boolean;
begin
  select array_agg(distinct type), array[{{conditions}}] into v_types, v_met from batch;
  v_is_rare := not v_types <@ array[{{frequent_types}}] or true = any(v_met);
  {{statements}}
  return null;
end
$$;
