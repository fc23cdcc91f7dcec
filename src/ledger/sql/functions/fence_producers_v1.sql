-- Fences producers that have been silent for so many seconds, each by an event, and returns how many. A fenced producer
-- appends nothing more. A response leaves its gateway within five seconds of the append of its charge, so what the gateway
-- has not said that it delivered by then it delivers no more.
--
-- A producer fences others only when it has itself appended every few seconds all the while. When many are silent at once,
-- it is the ledger that was away, or its clock that has jumped. A producer whose event cannot be written stays as it is, and
-- keeps no other from being fenced.
create or replace function fence_producers_v1(
  in_shard smallint, in_producer uuid, in_sent_at timestamptz, in_after_seconds integer
) returns integer
language plpgsql security definer set search_path from current as $$
declare
  -- Twice as long as a response may take, whatever the gateway's configuration says.
  v_silence interval := make_interval(secs => greatest(in_after_seconds, 10));
  v_position bigint;
  v_now timestamptz;
  v_fault text;
  v_own producers;
  v_fenced integer := 0;
  r record;
begin
  -- Mostly there is nobody to be fenced: then nobody waits for the lock.
  if not exists (
    select from producers p
    where p.shard = in_shard and p.fenced_at is null and p.recorded_at < ledger_now() - v_silence
  ) then
    return 0;
  end if;
  select e.last_position, e.now_at, e.fault into v_position, v_now, v_fault from enter_shard(in_shard, in_sent_at) e;
  select * into v_own from producers p
    where p.producer = in_producer and p.shard = in_shard and p.fenced_at is null
      and p.steady_since <= v_now - v_silence and p.recorded_at >= v_now - interval '3 seconds';
  if v_fault is not null or v_own.producer is null then
    return 0;
  end if;
  for r in
    select p.producer, p.instance, p.delivered from producers p
    where p.shard = in_shard and p.fenced_at is null and p.recorded_at < v_now - v_silence
  loop
    begin
      update producers p set fenced_at = v_now where p.producer = r.producer and p.shard = in_shard;
      perform write_event(in_shard, v_position + v_fenced + 1, v_now, 'ProducerFenced', 'gateway', v_own.instance,
        -- Canonical JSON, as all payloads are.
        format('{"deliveredUpTo":%s,"instance":%s}', r.delivered, to_json(r.instance)));
      v_fenced := v_fenced + 1;
    exception when others then
      raise warning 'producer % cannot be fenced: %', r.producer, sqlerrm;
    end;
  end loop;
  if v_fenced > 0 then
    perform leave_shard(in_shard, v_position + v_fenced, v_now);
  end if;
  return v_fenced;
end
$$;
