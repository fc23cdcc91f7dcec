-- Whether a text is a time that may enter the ledger: RFC 3339, from 1970 on and before the year 2200.
create or replace function is_ledger_time(in_text text) returns boolean
language plpgsql stable as $$
begin
  return in_text ~ '^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)$'
    and in_text::timestamptz >= '1970-01-01T00:00:00Z' and in_text::timestamptz < '{{times_end}}';
exception when datetime_field_overflow or invalid_datetime_format or invalid_time_zone_displacement_value then
  return false;
end
$$;
