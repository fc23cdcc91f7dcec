-- Writes the events of all accepted commands at once. The trigger on events moves the inline projections with them.
begin
  if v_position > v_last_position then
    with written as (
      insert into events (shard, position, recorded_at, occurred_at, type, stream_version,
        account_id, key_id, mode, request_id, endpoint, tariff, credits, quantity, slots, status, latency_ms,
        lots, held, moved, actor, instance, payload, private, event_hash)
      select in_shard, w.position, v_now, w.occurred_at, e.type, null,
        w.account_id, w.key_id, w.mode, w.request_id, w.endpoint, w.tariff, w.credits, w.quantity, w.slots, w.status,
        w.latency_ms, e.lots, e.held, e.moved, w.actor, v_producer.instance, e.payload, null,
        hash_event(in_shard, w.position, v_now, w.occurred_at, e.type, null::integer,
          w.account_id, w.key_id, w.mode, w.request_id, w.endpoint, w.tariff, w.credits, w.quantity, w.slots, w.status,
          w.latency_ms, e.lots, e.held, e.moved, w.actor, v_producer.instance, e.payload, null::bytea)
      from unnest(v_event_positions, v_event_times, v_event_credits, v_event_lots, v_event_held, v_event_moved,
          {{parameters_written}})
        as w (position, occurred_at, credits, lots, held, moved,
          {{columns_written}})
      cross join lateral (
        select {{event_type}} as type,
          w.lots::bigint[] as lots, w.held::bigint[] as held, w.moved::bigint[] as moved, w.payload::json as payload
      ) e
      where w.position is not null
      returning events.position, events.event_hash
    )
    select w.event_hash into v_hash from written w where w.position = v_position;
  end if;
end
