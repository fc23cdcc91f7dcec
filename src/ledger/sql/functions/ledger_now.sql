-- The ledger's clock. Nothing else in it reads the time.
create or replace function ledger_now() returns timestamptz
language sql volatile as $$
  select clock_timestamp()
$$;
