-- The live lots of what an account was given or has bought, in draw order: all but overage. Debts are repaid from them, and adjustments
-- take from them.
create or replace function owned_lots(in_shard smallint, in_account text, in_mode text, in_time timestamptz)
returns table (lot bigint, free bigint, draw_order bigint)
language sql stable as $$
  select l.lot, l.free, row_number() over (order by l.rank, l.expires_at, l.lot)
  from (
    {{live_lots}}
  ) l
  where l.rank < 2
$$;
