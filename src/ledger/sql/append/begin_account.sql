-- The account at hand, as the commands before this one left it. Its first command brings what stands in the ledger.
declare
  v_account text;
  v_mode text;
  v_account_version integer;
  v_frozen boolean;
  v_plan_index integer;
  v_max_in_flight integer;
  v_in_flight integer;
  -- The month's allowance that the first accepted purchase brings, and what of it repays the account's debt.
  v_allowance_due bigint;
  v_debt_repaid bigint;
  -- The free credits of live lots and the allowance due, less the account's debt. Below 0 nothing can be drawn.
  v_available bigint;
  -- Live lots in draw order (allowances first), what is free of each, and how many of them are allowances.
  v_lots bigint[];
  v_lot_free bigint[];
  v_allowance_lots integer;
  -- Accounts that have debts, and in which mode.
  v_owing_accounts text[] := '{}';
  v_owing_modes text[] := '{}';
  -- What counts against the caps of the account's keys: {key and month: credits}.
  v_cap_used jsonb;
  -- The account's holds that commands of this batch have extended or resolved, and what they are since then. A hold that
  -- was resolved has no credits.
  v_updated_holds text[];
  v_updated_credits bigint[];
  v_updated_until timestamptz[];
  v_updated_lots text[];
  v_updated_held text[];
  v_updated_sent_credits bigint[];
  v_updated_sent_quantity bigint[];
begin
  if command.account_id is distinct from v_account or command.mode is distinct from v_mode then
    v_account := command.account_id;
    v_mode := command.mode;
    v_account_version := command.account_version_now;
    v_frozen := command.frozen;
    -- A plan that the tariff does not know allows nothing, and gives nothing.
    v_plan_index := array_position(v_plans, command.plan);
    v_max_in_flight := coalesce(command.max_in_flight, v_plan_max_in_flight[v_plan_index], 0);
    v_in_flight := command.in_flight;
    v_allowance_due := greatest(coalesce(v_plan_credits[v_plan_index], 0) - command.allowance_granted, 0);
    v_debt_repaid := least(command.debt, v_allowance_due);
    v_available := command.total + v_allowance_due - command.debt;
    if command.debt > 0 then
      v_owing_accounts := v_owing_accounts || v_account;
      v_owing_modes := v_owing_modes || v_mode;
    end if;
    v_lots := coalesce(command.lots, '{}');
    v_lot_free := coalesce(command.free, '{}');
    v_allowance_lots := 0;
    if cardinality(v_lots) = 1 then
      v_allowance_lots := 1 - command.ranks[1];
    elsif v_lots <> '{}' then
      -- Allowances are drawn first, then what expires first, then the oldest.
      select array_agg(l.lot order by l.rank, l.nth), array_agg(l.free order by l.rank, l.nth),
          count(*) filter (where l.rank = 0)
        into v_lots, v_lot_free, v_allowance_lots
        from unnest(command.lots, command.free, command.ranks) with ordinality as l (lot, free, rank, nth);
    end if;
    v_cap_used := '{}';
    v_updated_holds := '{}';
  end if;
end
