-- The last that a batch has written may be a lapse, where all its commands were refused.
begin
  if v_last_lapse = v_position then
    v_hash := (select e.event_hash from events e where e.position = v_position and e.shard = in_shard);
  end if;
end
