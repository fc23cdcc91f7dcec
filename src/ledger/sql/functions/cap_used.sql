-- What counts against a key's monthly cap in a month: what the key used since it first had a cap, and before. What it used before
-- is counted a moment later (monthly_balances); what is not counted yet is read from the log. More than any cap is enough.
create or replace function cap_used(in_shard smallint, in_account text, in_key text, in_month date) returns bigint
language plpgsql stable as $$
declare
  v_first_cap bigint;
  v_counted bigint;
  v_used numeric;
begin
  v_first_cap := (select c.position from capped_keys c where c.key_id = in_key and c.shard = in_shard);
  v_counted := (
    select p.position from projection_checkpoints p where p.projection = 'monthly_balances' and p.shard = in_shard);
  v_used := coalesce((
    select u.used from cap_usage u where u.key_id = in_key and u.month = in_month and u.shard = in_shard), 0)
    + coalesce((
      select sum(m.used_before_cap) from monthly_balances m
      where m.account_id = in_account and m.key_id = in_key and m.month = in_month and m.shard = in_shard), 0);
  if v_counted < v_first_cap - 1 then
    v_used := v_used + (
      select coalesce({{cap_use}}, 0)
      from events
      where account_id = in_account and position > v_counted and position < v_first_cap and shard = in_shard
        and key_id = in_key and {{uses_a_cap}}
        and {{month_of_event}} = in_month);
  end if;
  return least(v_used, {{max_unspent_credits}});
end
$$;
