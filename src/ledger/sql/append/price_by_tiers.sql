-- What a command of a price with tiers costs, which depends on what the account has had of it in the month: only here is that known. The
-- gateway says "volume":null, and in its credits the most that the call can cost, whatever the volume is. Of that, the component's
-- part gives way to what it costs: for a hold the most of the tiers from the volume upward, for a charge the difference that the
-- quantity makes to the month. The event says the volume. Nothing but such commands pays for this.
declare
  v_tiers record;
  -- What this batch has counted: {account, mode, endpoint, component and month: volume}.
  v_volumes jsonb;
  v_volume_key text;
  v_volume numeric;
  -- How much of the component the command counts; null: it has no tiers.
  v_tiered bigint;
  -- What its other components cost, and what it costs as a whole.
  v_other_credits numeric;
  v_tiered_credits numeric;
  -- What the commands cost that are priced here.
  v_priced_credits bigint[];
begin
  if v_has_tiers then
    v_tiered := null;
    if v_verdict = 'ok' and strpos(in_payload[command.nth], '"volume":null') > 0
      and command.kind in ('hold', 'charge_on_lease', 'settle') and {{is_in_range}}
    then
      select t.component, t.up_to, t.rates,
          case t.component when '' then in_quantity[command.nth]
            else (in_payload[command.nth]::json -> 'parts' ->> t.component)::bigint end as quantity
        into v_tiers
        from tariff_tiers t
        where t.hash = in_tariff[command.nth] and t.endpoint = in_endpoint[command.nth] and t.shard = in_shard
          and t.plan in ('', in_payload[command.nth]::json ->> 'plan')
          and t.component = coalesce(in_payload[command.nth]::json ->> 'volumeOf', '')
        order by t.plan desc limit 1;
      v_tiered := v_tiers.quantity;
      v_volume_key := concat_ws(' ', command.account_id, command.mode, in_endpoint[command.nth], v_tiers.component, command.month);
      v_volume := coalesce((v_volumes ->> v_volume_key)::numeric, (
        select v.volume from monthly_volumes v
        where v.account_id = command.account_id and v.mode = command.mode and v.endpoint = in_endpoint[command.nth]
          and v.component = v_tiers.component and v.month = command.month and v.shard = in_shard), 0);
      v_other_credits := in_credits[command.nth] - most_of_tiers(v_tiers.up_to, v_tiers.rates, 0, v_tiered);
      v_tiered_credits := v_other_credits + case command.kind
        when 'hold' then most_of_tiers(v_tiers.up_to, v_tiers.rates, v_volume, v_tiered)
        else ceil(cost_of_first(v_tiers.up_to, v_tiers.rates, v_volume + v_tiered) * 0.000001)
          - ceil(cost_of_first(v_tiers.up_to, v_tiers.rates, v_volume) * 0.000001) end;
      if v_tiered between 0 and {{max_amount}} and v_volume + v_tiered <= {{max_safe_integer}}
        and v_other_credits >= 0 and v_tiered_credits <= {{max_amount}}
      then
        in_credits[command.nth] := v_tiered_credits;
        in_payload[command.nth] := replace(in_payload[command.nth], '"volume":null', '"volume":' || v_volume);
        v_priced_credits[command.nth] := v_tiered_credits;
      else
        v_verdict := 'amount_out_of_range';
        v_tiered := null;
      end if;
    end if;
  end if;
end
