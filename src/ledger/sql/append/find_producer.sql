-- Takes the shard's lock, and only then looks up the producer: a batch that was sent before is found whatever became of
-- the connection that it was sent over, and gets the results that it got then.
--
-- A batch is the producer's next, and repeats where the log ended when the producer last got a reply. A log that was put back
-- knows an earlier batch, or other events at that position. A copy that comes late says nothing of the log: its producer may have
-- sent a part of it since, under the same number.
declare
  v_now timestamptz;
  -- Where the log ends, where the last event's partition ends, and when the shard's events in it begin.
  v_entered record;
  v_producer producers;
begin
  -- An assignment costs less than a query.
  v_entered := enter_shard(in_shard, in_sent_at);
  v_now := v_entered.now_at;
  select * into v_producer from producers p where p.producer = in_producer and p.shard = in_shard;
  outcome := case
    when v_entered.fault = 'log_diverged' then v_entered.fault
    when v_producer.producer is null then 'unknown_producer'
    when v_producer.fenced_at is not null then 'fenced'
    when in_epoch < v_entered.epoch then 'loss_accepted'
    when in_sequence = v_producer.sequence and in_content = v_producer.content then 'repeated'
    when in_sequence <= v_producer.sequence then 'superseded'
    when in_sequence is distinct from v_producer.sequence + 1 or in_epoch is distinct from v_producer.epoch
      or in_position is distinct from v_producer.position
      or decode(in_hash, 'hex') is distinct from v_producer.event_hash then 'log_diverged'
    else v_entered.fault
  end;
  if outcome is not null then
    if outcome = 'repeated' then
      recorded_at := v_producer.recorded_at;
      log_epoch := v_producer.epoch;
      log_position := v_producer.position;
      log_hash := v_producer.event_hash;
      verdicts := v_producer.verdicts;
      positions := v_producer.positions;
      available := v_producer.available;
    elsif outcome = 'log_diverged' then
      perform report_divergence(in_shard, format(
        '%s has sent batch %s and seen position %s, and the log knows its batch %s and position %s',
        v_producer.instance, in_sequence, in_position, v_producer.sequence, v_producer.position));
    end if;
    return;
  end if;
end
