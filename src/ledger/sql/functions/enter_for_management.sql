-- Enters the shard for a management command. in_sender: {instance, sentAt, mark?}, the sender's name, its clock, and what it
-- has seen of the log. A fault is the command's verdict.
create or replace function enter_for_management(
  in_shard smallint, in_sender jsonb, out last_position bigint, out now_at timestamptz, out fault text
)
language plpgsql as $$
begin
  perform check_instance(in_sender ->> 'instance');
  select e.last_position, e.now_at, e.fault into last_position, now_at, fault
    from enter_shard(in_shard, (in_sender ->> 'sentAt')::timestamptz) e;
  if check_mark(in_shard, in_sender ->> 'instance', in_sender -> 'mark') then
    fault := 'log_diverged';
  end if;
end
$$;
