-- A payload that names the budgets that its event counts in. Fields of canonical JSON are in alphabetical order, and this is the first.
create or replace function with_budgets(in_payload text, in_spans text) returns text
language sql immutable as $$
  select format('{"budgets":%s%s', in_spans, case in_payload when '{}' then '}' else ',' || substr(in_payload, 2) end)
$$;
