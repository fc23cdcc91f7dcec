-- The book's clock: the one place where it reads the time.
create or replace function book_now() returns timestamptz
language sql volatile as $$
  select clock_timestamp()
$$;
