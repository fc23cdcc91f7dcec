-- Moves the shard's head, and keeps the batch's results under its number, for a gateway that does not receive them and sends the batch
-- again. With them comes what the gateway has delivered and withheld.
declare
  v_partition_end bigint;
begin
  {{move_head}}
    into log_hash, v_partition_end;
  if v_position >= v_partition_end then
    perform enter_partition(in_shard);
  end if;
  update producers p
    set sequence = in_sequence, content = in_content, recorded_at = v_now,
      steady_since = case when v_now > p.recorded_at + interval '3 seconds' then v_now else p.steady_since end,
      epoch = v_entered.epoch, position = v_position, event_hash = log_hash,
      verdicts = coalesce(append_v1.verdicts, '{}'), positions = coalesce(append_v1.positions, '{}'),
      available = coalesce(append_v1.available, '{}'), delivered = greatest(p.delivered, in_delivered)
    where p.producer = in_producer and p.shard = in_shard
    returning 'appended', v_now, p.epoch, p.position, p.verdicts, p.positions, p.available
    into outcome, recorded_at, log_epoch, log_position, verdicts, positions, available;
  if in_withheld is not null then
    -- Whose response was withheld, its own gateway knows.
    insert into withheld (position, shard)
      select e.position, e.shard
      from unnest(in_withheld) w (position)
      join events e on e.position = w.position and e.shard = in_shard
      where e.instance = v_producer.instance
      on conflict do nothing;
  end if;
end
