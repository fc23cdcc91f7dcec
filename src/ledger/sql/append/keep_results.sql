-- Keeps the batch's results under its number, for a gateway that does not receive them and sends the batch again. With them
-- comes what the gateway has delivered and withheld.
begin
  outcome := 'appended';
  recorded_at := v_now;
  log_epoch := v_entered.epoch;
  log_position := v_position;
  log_hash := leave_shard(in_shard, v_position, v_now, v_hash);
  update producers p
    set sequence = in_sequence, content = in_content, recorded_at = v_now,
      steady_since = case when v_now > p.recorded_at + interval '3 seconds' then v_now else p.steady_since end,
      epoch = v_entered.epoch, position = v_position, event_hash = log_hash,
      verdicts = append_v1.verdicts, positions = append_v1.positions, available = append_v1.available,
      delivered = greatest(p.delivered, in_delivered)
    where p.producer = in_producer and p.shard = in_shard;
  if in_withheld <> '{}' then
    -- Whose response was withheld, its own gateway knows.
    insert into withheld (position, shard)
      select e.position, e.shard
      from unnest(in_withheld) w (position)
      join events e on e.position = w.position and e.shard = in_shard
      where e.instance = v_producer.instance
      on conflict do nothing;
  end if;
end
