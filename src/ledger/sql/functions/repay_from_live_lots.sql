-- Takes an account's debt from what is free of its live lots but overage, in draw order. Returns the last position written. Whoever calls
-- this holds the shard's lock.
create or replace function repay_from_live_lots(
  in_shard smallint, in_position bigint, in_now timestamptz, in_instance text, in_account text, in_mode text
) returns bigint
language sql as $$
  select repay_debt(in_shard, in_position, in_now, in_instance, in_account, in_mode,
    coalesce(array_agg(l.lot order by l.draw_order), '{}'), coalesce(array_agg(l.free order by l.draw_order), '{}'))
  from owned_lots(in_shard, in_account, in_mode, in_now) l
$$;
