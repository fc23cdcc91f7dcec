-- Whether the command may open its request. The id's time lies within five minutes of the ledger's, or of the time since its
-- lease was taken. So an id that stands in an older partition has a time before the sixth minute of the newest one, and only
-- such an id is sought. All others are left to the unique index of the partition that the event comes to stand in.
--
-- Ids are compared as texts, which sort by their times (first_id).
begin
  -- A cast costs a fifth of a regular expression. An id with other digits is an error, of this command alone.
  if (command.request_id like '________-____-7___-____-____________'
      and command.request_id::uuid::text = command.request_id
      and command.request_id collate "C" < v_ids_end
      and (command.request_id collate "C" >= v_ids_begin
        or command.request_id collate "C" >= first_id(command.held_at - interval '5 minutes'))) is not true
  then
    v_verdict := 'request_out_of_time';
  elsif v_position + 3 >= v_entered.partition_end then
    -- With the allowance before it, the event can be the first of another partition.
    if is_opened(in_shard, command.request_id) or exists (
      select from unnest(in_request_id, v_event_positions) e (request_id, position)
      where e.request_id = command.request_id and e.position is not null
    ) then
      v_verdict := 'duplicate_request';
    end if;
  elsif command.request_id collate "C" < v_sought_ids_end and is_opened(in_shard, command.request_id) then
    v_verdict := 'duplicate_request';
  end if;
end
