-- Whether the purchase names the plan in force, where that has prices of its own, and no plan otherwise. A lease is priced by none,
-- and an extension by the plan of its hold.
declare
  -- The plan by which the account's calls are priced.
  v_pricing_plan text;
begin
  if v_pricing_plans is not null then
    if v_verdict in ('ok', 'exceeds_hold', 'concurrency_exceeded') and command.kind in ('hold', 'charge_on_lease') then
      v_pricing_plan := v_plans[account.plan];
      if v_pricing_plan <> all(v_pricing_plans) then
        v_pricing_plan := null;
      end if;
      if (in_payload[command.nth]::json ->> 'plan') is distinct from v_pricing_plan then
        v_verdict := 'stale_plan';
      end if;
    end if;
  end if;
end
