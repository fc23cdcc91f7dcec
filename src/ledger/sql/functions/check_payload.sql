-- Refuses an event whose type the catalogue does not have, or whose payload does not fit its type: whoever reads the log
-- relies on both. Amounts and times within the payload are bounded with it, those of prices, which have no schema here, too.
create or replace function check_payload(in_type text, in_payload text) returns void
language plpgsql stable as $$
declare
  v_schema jsonb := '{{payload_schemas}}'::jsonb -> in_type;
begin
  if v_schema is null then
    raise exception 'the catalogue has no event of type %', in_type using errcode = 'invalid_parameter_value';
  elsif in_payload is null or not fits_schema(v_schema, in_payload::jsonb)
    or jsonb_path_exists(in_payload::jsonb, '$.prices.**?(@.type() == "number" && @ > {{max_amount}})')
    or jsonb_path_exists(in_payload::jsonb, '$.plans.*.prices.**?(@.type() == "number" && @ > {{max_amount}})')
  then
    raise exception 'the payload does not fit an event of type %: %', in_type, left(in_payload, 200)
      using errcode = 'invalid_parameter_value';
  end if;
end
$$;
