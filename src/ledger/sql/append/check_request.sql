-- Whether the request was opened before. The command's id has a time that the ledger may have (begin_command), so an id that stands
-- in an older partition has a time before the sixth minute of the newest one, and only such an id is sought. All others are left to
-- the unique index of the partition that the event comes to stand in. With the allowance before it, the event can be the first of
-- another partition.
begin
  if command.kind in ({{openings}}) and v_verdict = 'ok'
    and (in_request_id[command.nth] collate "C" < v_sought_ids_end or v_position + 3 >= v_entered.partition_end)
  then
    -- By number: the verdicts so far are those of the accounts so far, in any order.
    if is_opened(in_shard, in_request_id[command.nth]) or v_position + 3 >= v_entered.partition_end and exists (
      select from generate_subscripts(in_request_id, 1) nth
      where in_request_id[nth] = in_request_id[command.nth] and verdicts[nth] in ('ok', 'resumed')
    ) then
      v_verdict := 'duplicate_request';
    end if;
  end if;
end
