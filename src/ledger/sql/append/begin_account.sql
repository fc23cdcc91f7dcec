-- The account at hand, as the commands before this one left it. Its first command brings what stands in the ledger.
declare
  account record;
  -- Accounts that have debts, and in which mode.
  v_owing_accounts text[];
  v_owing_modes text[];
  -- What counts against the caps of keys: {key and month: credits}.
  v_cap_used jsonb;
  -- What the account's commands so far have changed of its budgets.
  v_budgets_moved jsonb;
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
  if command.nth_of_account = 1 then
    account := command;
    v_updated_holds := null;
    v_budgets_moved := null;
    if account.debt > 0 then
      v_owing_accounts := v_owing_accounts || account.account_id;
      v_owing_modes := v_owing_modes || account.mode;
    end if;
  end if;
end
