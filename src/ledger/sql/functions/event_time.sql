-- A time as payloads have it, to the microsecond.
create or replace function event_time(in_time timestamptz) returns text
language sql immutable as $$
  select to_char(in_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;
