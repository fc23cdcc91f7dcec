-- Where a span ends, and the next one begins, by where it begins. No day is longer than 25 hours, and no week than 169.
create or replace function span_end(in_per text, in_zone text, in_starts_at timestamptz) returns timestamptz
language sql stable as $$
  select span_start(in_per, in_zone,
    in_starts_at + case in_per when 'day' then interval '26 hours' when 'week' then interval '170 hours' else interval '768 hours' end)
$$;
