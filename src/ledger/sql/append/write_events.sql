-- Writes the events of all accepted commands at once. The trigger on events moves the inline projections with them.
begin
  if v_position > v_entered.last_position then
    with written as (
      insert into events (shard, position, recorded_at, occurred_at, type, stream_version,
        account_id, key_id, mode, request_id, endpoint, tariff, credits, quantity, slots, status, latency_ms,
        lots, held, moved, actor, instance, payload, private, login, event_hash)
      select in_shard, e.position, v_now, e.occurred_at, e.type, null,
        e.account_id, e.key_id, e.mode, e.request_id, e.endpoint, e.tariff, e.credits, e.quantity, e.slots, e.status,
        e.latency_ms, e.lots, e.held, e.moved, e.actor, v_producer.instance, e.document, null, session_user::text,
        hash_event(in_shard, e.position, v_now, e.occurred_at, e.type, null::integer,
          e.account_id, e.key_id, e.mode, e.request_id, e.endpoint, e.tariff, e.credits, e.quantity, e.slots, e.status,
          e.latency_ms, e.lots, e.held, e.moved, e.actor, v_producer.instance, e.document, null::bytea, session_user::text)
      from (
        select positions[nth] as position, coalesce(v_event_times[nth], v_now) as occurred_at,
          coalesce(v_event_credits[nth], in_credits[nth]) as credits,
          v_event_lots[nth]::bigint[] as lots, v_event_held[nth]::bigint[] as held, v_event_moved[nth]::bigint[] as moved,
          {{event_type}} as type, {{columns_written}},
          -- Nearly no payload has a claim in it, nor an escape in which one could stand.
          case when in_kind[nth] <> 'hold'
              or in_claim[nth] is null and strpos(in_payload[nth], 'claim') = 0 and strpos(in_payload[nth], '\') = 0
            then in_payload[nth]::json
            else claimed_payload(in_payload[nth], in_claim[nth], in_request_hash[nth]) end as document
        from generate_series(1, v_count) nth
        where verdicts[nth] in ('ok', 'resumed')
        offset 0
      ) e
      returning events.position, events.event_hash
    )
    select w.event_hash into v_hash from written w where w.position = v_position;
  end if;
end
