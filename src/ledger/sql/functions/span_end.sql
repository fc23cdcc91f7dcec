-- Where a span of a budget ends, and the next one begins, by where it begins: what lies so far ahead is in the next.
create or replace function span_end(in_per text, in_zone text, in_starts_at timestamptz) returns timestamptz
language sql stable as $$
  select budget_span_start(in_per, in_zone, in_starts_at,
    in_starts_at + make_interval(hours => case in_per when 'day' then 26 when 'week' then 170 else 746 end))
$$;
