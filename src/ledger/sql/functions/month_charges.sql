-- What an account's keys, or one of them, were charged in a month, up to the log's end: what is counted in monthly_balances, and what
-- the log has beyond.
create or replace function month_charges(
  in_shard smallint, in_account text, in_key text, in_mode text, in_month date,
  out calls numeric, out settled numeric, out refunded numeric
)
language sql stable as $$
  select coalesce(sum(s.calls), 0), coalesce(sum(s.settled), 0), coalesce(sum(s.refunded), 0)
  from (
    select m.calls, m.settled, m.refunded
    from monthly_balances m
    where m.account_id = in_account and m.mode = in_mode and m.month = in_month and m.shard = in_shard
      and (in_key is null or m.key_id = in_key)
    union all
    select case type when 'HoldSettled' then 1 when 'CallsCounted' then quantity end,
      case type when 'HoldSettled' then credits end, case type when 'ChargeRefunded' then credits end
    from events
    where account_id = in_account and shard = in_shard and mode = in_mode and type in ('HoldSettled', 'CallsCounted', 'ChargeRefunded')
      and position > (
        select p.position from projection_checkpoints p where p.projection = 'monthly_balances' and p.shard = in_shard)
      and {{month_of_event}} = in_month
      and (in_key is null or key_id = in_key)
  ) s
$$;
