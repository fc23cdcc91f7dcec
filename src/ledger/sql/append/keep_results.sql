-- Keeps the batch's results under its number, for a gateway that does not receive them and sends the batch again.
begin
  outcome := 'appended';
  recorded_at := v_now;
  update producers p
    set sequence = in_sequence, recorded_at = v_now, verdicts = append_v1.verdicts, positions = append_v1.positions,
      available = append_v1.available
    where p.producer = in_producer and p.shard = in_shard;
end
