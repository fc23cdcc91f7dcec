-- Compares the log with what somebody has seen of it: a mark {epoch, position, hash}. Returns whether the log is, or is found
-- to be, another one. A mark from before the owner accepted a loss says nothing any more. Whoever calls this holds the
-- shard's lock.
create or replace function check_mark(in_shard smallint, in_instance text, in_mark jsonb) returns boolean
language plpgsql as $$
declare
  v_head heads;
  v_position bigint := in_mark ->> 'position';
  v_epoch integer := in_mark ->> 'epoch';
begin
  select * into strict v_head from heads where shard = in_shard;
  if v_head.divergence is not null then
    return true;
  elsif in_mark is null or v_position = 0 or v_epoch < v_head.epoch then
    return false;
  elsif v_epoch > v_head.epoch or v_position > v_head.position then
    perform report_divergence(in_shard, format('%s has seen position %s of epoch %s, and the log ends at %s of epoch %s',
      in_instance, v_position, v_epoch, v_head.position, v_head.epoch));
    return true;
  elsif decode(in_mark ->> 'hash', 'hex')
    is distinct from (select e.event_hash from events e where e.position = v_position and e.shard = in_shard)
  then
    perform report_divergence(in_shard, format('%s has seen another event at position %s', in_instance, v_position));
    return true;
  end if;
  return false;
end
$$;
