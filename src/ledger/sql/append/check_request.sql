-- Whether the command may open its request. The id's time lies within five minutes of the ledger's, or of the time since its
-- lease was taken. So an id that stands in an older partition has a time before the sixth minute of the newest one, and only
-- such an id is sought. All others are left to the unique index of the partition that the event comes to stand in.
declare
  -- The id's time in milliseconds since 1970; null: it is no UUID of version 7.
  v_request_ms bigint;
begin
  -- A cast costs a fifth of a regular expression. An id with other digits is an error, of this command alone.
  v_request_ms := case
    when command.request_id like '________-____-7___-____-____________'
      and command.request_id::uuid::text = command.request_id
      then ('x' || left(command.request_id, 8) || substr(command.request_id, 10, 4))::bit(48)::bigint end;
  if v_request_ms is null or v_request_ms > v_now_ms + 300000
    or v_request_ms < coalesce((extract(epoch from command.held_at) * 1000)::bigint, v_now_ms) - 300000
  then
    v_verdict := 'request_out_of_time';
  elsif v_position + 3 >= v_partition_end then
    -- With the allowance before it, the event can be the first of another partition.
    if is_opened(in_shard, command.request_id) or exists (
      select from unnest(in_request_id, v_event_positions) e (request_id, position)
      where e.request_id = command.request_id and e.position is not null
    ) then
      v_verdict := 'duplicate_request';
    end if;
  elsif v_request_ms <= v_partition_started_ms + 300000 and is_opened(in_shard, command.request_id) then
    v_verdict := 'duplicate_request';
  end if;
end
