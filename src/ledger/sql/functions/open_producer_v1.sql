-- Registers a gateway's producer in a shard. in_mark is what the gateway has seen of the log: {epoch, position, hash}. The
-- producer's first batch repeats where the log ends now. The outcome is `opened`, the fault that keeps the gateway from selling,
-- or `taken`: another producer has the id, and the gateway draws a new one.
create or replace function open_producer_v1(
  in_shard smallint, in_producer uuid, in_instance text, in_sent_at timestamptz, in_mark jsonb,
  out outcome text, out recorded_at timestamptz, out log_epoch integer, out log_position bigint, out log_hash bytea
)
language plpgsql security definer set search_path from current as $$
begin
  perform check_instance(in_instance);
  select coalesce(e.fault, 'opened'), e.now_at, e.epoch, e.last_position, e.event_hash
    into outcome, recorded_at, log_epoch, log_position, log_hash
    from enter_shard(in_shard, in_sent_at) e;
  if check_mark(in_shard, in_instance, in_mark) then
    outcome := 'log_diverged';
  end if;
  if outcome = 'opened' then
    delete from producers p where p.shard = in_shard and p.fenced_at < open_producer_v1.recorded_at - interval '7 days';
    insert into producers as p (producer, shard, instance, recorded_at, steady_since, epoch, position, event_hash)
      values (in_producer, in_shard, in_instance, open_producer_v1.recorded_at, open_producer_v1.recorded_at,
        log_epoch, log_position, log_hash)
      -- Sent again, because the reply was lost: the producer has appended nothing since.
      on conflict (producer, shard) do update
        set epoch = excluded.epoch, position = excluded.position, event_hash = excluded.event_hash
        where p.sequence = 0 and p.instance = excluded.instance and p.fenced_at is null;
    if not found then
      outcome := 'taken';
      log_epoch := null;
      log_position := null;
      log_hash := null;
    end if;
  end if;
end
$$;
