-- Where the day, week or month of a time zone's calendar begins that a time lies in: when the zone's clocks first show it. Where they
-- show midnight twice, PostgreSQL means the later one; an hour earlier they show it first.
create or replace function span_start(in_per text, in_zone text, in_time timestamptz) returns timestamptz
language plpgsql stable as $$
declare
  v_local timestamp := date_trunc(in_per, in_time at time zone in_zone);
  v_start timestamptz := v_local at time zone in_zone;
begin
  return case when (v_start - interval '1 hour') at time zone in_zone >= v_local then v_start - interval '1 hour' else v_start end;
end
$$;
