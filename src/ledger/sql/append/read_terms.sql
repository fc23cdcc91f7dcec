-- Where more than its credits decides what the account's plan gives a month, a function says what is due. Most plans pass this by. The
-- account comes with its first command.
declare
  v_allowance_due bigint;
begin
  if command.has_terms then
    v_allowance_due := greatest(coalesce(allowance_due(in_shard, v_now, account.account_id, account.mode), 0), 0);
    account.available := account.available - account.allowance_due + v_allowance_due;
    account.allowance_due := v_allowance_due;
    account.debt_repaid := least(account.debt, v_allowance_due);
  end if;
end
