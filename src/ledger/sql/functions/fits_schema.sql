-- Whether a JSON value fits a schema: the part of JSON Schema that the catalogue's payloads are made of. A schema without a
-- type fits every value.
create or replace function fits_schema(in_schema jsonb, in_value jsonb) returns boolean
language plpgsql stable as $$
declare
  v_text text := in_value #>> '{}';
begin
  if in_schema ? 'anyOf' then
    return exists (select from jsonb_array_elements(in_schema -> 'anyOf') s (schema) where fits_schema(s.schema, in_value));
  elsif in_schema ? 'const' then
    return in_value = in_schema -> 'const';
  elsif in_schema ->> 'type' = 'integer' then
    return jsonb_typeof(in_value) = 'number' and v_text ~ '^-?\d+$'
      and v_text::numeric >= coalesce((in_schema ->> 'minimum')::numeric, -{{max_safe_integer}})
      and v_text::numeric <= coalesce((in_schema ->> 'maximum')::numeric, {{max_safe_integer}});
  elsif jsonb_typeof(in_value) <> in_schema ->> 'type' then
    return false;
  end if;
  return case in_schema ->> 'type'
    when 'string' then length(v_text) >= coalesce((in_schema ->> 'minLength')::integer, 0)
      and v_text ~ coalesce(in_schema ->> 'pattern', '')
      and (in_schema ->> 'format' is null or is_ledger_time(v_text))
    when 'array' then not exists (
      select from jsonb_array_elements(in_value) element where not fits_schema(in_schema -> 'items', element))
    when 'object' then in_value ?& array(select jsonb_array_elements_text(in_schema -> 'required'))
      and not exists (
        select from jsonb_each(in_value) field
        -- Of the fields of a record, whose names are free, the schema has one pattern.
        cross join lateral (
          select coalesce(in_schema -> 'properties' -> field.key,
            (select pattern.value from jsonb_each(in_schema -> 'patternProperties') pattern limit 1), '{}') as schema
        ) wanted
        where not fits_schema(wanted.schema, field.value))
    else true
  end;
end
$$;
