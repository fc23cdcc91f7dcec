-- Takes the shard's lock, and only then looks up the producer: a batch that was sent before is found whatever became of
-- the connection that it was sent over, and gets the results that it got then.
declare
  v_last_position bigint;
  v_now timestamptz;
  v_producer producers;
begin
  select e.last_position, e.now_at into v_last_position, v_now from enter_shard(in_shard) e;
  select * into v_producer from producers p where p.producer = in_producer and p.shard = in_shard;
  if v_producer.producer is null then
    outcome := 'unknown_producer';
    return;
  elsif in_sequence < v_producer.sequence then
    outcome := 'superseded';
    return;
  elsif in_sequence = v_producer.sequence then
    outcome := 'repeated';
    recorded_at := v_producer.recorded_at;
    verdicts := v_producer.verdicts;
    positions := v_producer.positions;
    available := v_producer.available;
    return;
  end if;
end
