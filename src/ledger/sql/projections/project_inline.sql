-- Refuses rows that break a rule of the log, and feeds every inline projection with the rows that were just written, inside the same
-- transaction. The rules are asked here and not in constraints, which PostgreSQL reads anew in every transaction.
create or replace function project_inline() returns trigger
language plpgsql as $$
declare
  v_types text[];
  -- Whether a row meets each of the conditions that statements have beside their types.
  v_met boolean[];
  v_broken_rule text;
  -- Whether any row is of a type that calls do not make all the time, or meets one of the conditions.
  v_is_rare boolean;
begin
  select array_agg(distinct type), array[{{conditions}}], min({{broken_rule}})
    into v_types, v_met, v_broken_rule
    from batch;
  if v_broken_rule is not null then
    raise exception 'an event breaks the rule %', v_broken_rule using errcode = 'check_violation', constraint = v_broken_rule;
  end if;
  v_is_rare := not v_types <@ array[{{frequent_types}}] or true = any(v_met);
  {{statements}}
  return null;
end
$$;
