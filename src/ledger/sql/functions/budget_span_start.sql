-- Where the span of a budget begins that a time lies in. in_last is where the last span begins that calls have counted in; null: none has.
--
-- Spans of a budget never overlap, or it could be spent twice in a day: where a zone's clocks are changed at short notice, the last span
-- goes on until the next is due. A zone that the server does not know, or not any more, does not stop its budgets: spans follow one another
-- as they did, by clocks that are never changed; those of UTC where there was none.
create or replace function budget_span_start(in_per text, in_zone text, in_last timestamptz, in_time timestamptz) returns timestamptz
language plpgsql stable as $$
declare
  -- No span is shorter, whatever a zone does with its clocks, and none is longer.
  v_least constant interval := make_interval(hours => case in_per when 'day' then 22 when 'week' then 166 else 670 end);
  v_most constant interval := make_interval(hours => case in_per when 'day' then 26 when 'week' then 170 else 746 end);
  v_start timestamptz;
  v_offset interval;
begin
  if in_time < in_last + v_least then
    return in_last;
  end if;
  begin
    v_start := span_start(in_per, in_zone, in_time);
  exception when invalid_parameter_value then
    v_start := null;
  end;
  if in_last is null then
    return coalesce(v_start, span_start(in_per, 'UTC', in_time));
  elsif v_start >= in_last + v_least then
    return v_start;
  elsif v_start is not null and in_time < in_last + v_most then
    return in_last;
  end if;
  -- Zones are at most 14 hours ahead of UTC, and 12 behind it.
  v_offset := date_trunc(in_per, in_last at time zone 'UTC' + interval '14 hours') - in_last at time zone 'UTC';
  return (date_trunc(in_per, in_time at time zone 'UTC' + v_offset) - v_offset) at time zone 'UTC';
end
$$;
