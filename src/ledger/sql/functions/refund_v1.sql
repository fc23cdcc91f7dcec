-- Refunds a charge, wholly or in part, to the lots that it was settled on, the last drawn first. The refunds of a charge never
-- exceed it. What returns to an expired lot lapses there; what returns to a live one repays the account's debt first.
--
-- in_external is unique per account: the same one sent again gets the same result. 'undelivered:<request>' is the refund of a
-- response that cannot arrive any more: delivery_of says so here, under the lock, and it was not replayed under its
-- Idempotency-Key either.
--
-- Returns {verdict, positions, credits}, or {verdict, refundable} when that is less than in_credits, or {verdict, room} when the
-- account would have more unspent credits than may be.
--
-- One function, however long: it runs under the shard's lock as one decision.
create or replace function refund_v1(
  in_shard smallint, in_sender jsonb, in_external text, in_request_hash text,
  in_request text, in_credits bigint, in_private bytea, in_actor text
) returns jsonb
language plpgsql security definer set search_path from current as $$
declare
  v_instance text := in_sender ->> 'instance';
  v_position bigint;
  v_now timestamptz;
  v_fault text;
  v_result jsonb;
  v_command text;
  v_charge events;
  v_delivery text;
  v_refundable bigint;
  v_left bigint;
  v_room bigint;
  v_lots bigint[] := '{}';
  v_moved bigint[] := '{}';
  r record;
begin
  select e.last_position, e.now_at, e.fault into v_position, v_now, v_fault from enter_for_management(in_shard, in_sender) e;
  if v_fault is not null then
    return jsonb_build_object('verdict', v_fault);
  end if;
  select * into v_charge from events
    where request_id = in_request and type = 'HoldSettled' and shard = in_shard
      and {{is_opening_or_not}};
  if v_charge.position is null then
    return jsonb_build_object('verdict', 'no_such_charge');
  end if;
  v_command := coalesce('external:' || v_charge.account_id || ':' || in_external, 'refund:' || gen_random_uuid());
  v_result := repeated_result(in_shard, v_command, in_request_hash);
  if v_result is not null then
    return v_result;
  end if;
  select v_charge.credits - coalesce(sum(e.credits), 0) into v_refundable
    from events e where e.request_id = in_request and e.type = 'ChargeRefunded' and e.shard = in_shard;
  if in_external = 'undelivered:' || in_request then
    v_delivery := delivery_of(v_charge);
    if v_delivery is distinct from 'unknown' then
      return jsonb_build_object('verdict', case v_delivery when 'pending' then 'delivery_pending' else 'delivery_not_unknown' end);
    end if;
    -- A replay marks this row before it looks for a refund, so one of the two sees the other.
    perform from events h
      join stored_responses s on s.key_id = h.key_id and s.claim = h.payload ->> 'claim' and s.shard = h.shard
      where h.request_id = in_request and h.type = 'CreditsHeld' and h.shard = in_shard
      for update of s;
    if exists (
      select from events h
      join stored_responses s on s.key_id = h.key_id and s.claim = h.payload ->> 'claim' and s.shard = h.shard
      where h.request_id = in_request and h.type = 'CreditsHeld' and h.shard = in_shard and s.replayed_at is not null
    ) then
      return jsonb_build_object('verdict', 'delivery_not_unknown');
    end if;
  end if;
  v_left := coalesce(in_credits, v_refundable);
  if v_left > v_refundable or v_left = 0 then
    return jsonb_build_object('verdict', 'exceeds_charge', 'refundable', v_refundable);
  end if;
  v_room := {{max_unspent_credits}} - unspent_credits(in_shard, v_now, v_charge.account_id, v_charge.mode);
  if v_left > v_room then
    return jsonb_build_object('verdict', 'too_many_credits', 'room', greatest(v_room, 0));
  end if;

  for r in
    select u.lot, u.moved - coalesce((
      select sum(back.moved) from events e, unnest(e.lots, e.moved) as back (lot, moved)
      where e.request_id = in_request and e.type = 'ChargeRefunded' and e.shard = in_shard and back.lot = u.lot), 0) as left_of_lot
    from unnest(v_charge.lots, v_charge.moved) with ordinality as u (lot, moved, ord)
    order by u.ord desc
  loop
    exit when v_left = 0;
    continue when r.left_of_lot = 0;
    v_lots := v_lots || r.lot;
    v_moved := v_moved || least(r.left_of_lot, v_left)::bigint;
    v_left := v_left - least(r.left_of_lot, v_left);
  end loop;
  v_position := lapse_rollover(in_shard, v_position, v_now, v_instance, v_charge.account_id, v_charge.mode) + 1;
  perform write_event(in_shard, v_position, v_now, 'ChargeRefunded', in_actor, v_instance,
    -- Canonical JSON, as all payloads are: fields in alphabetical order, no white space.
    format('{%s"chargedAt":"%s"%s}', '"budgets":' || (v_charge.payload ->> 'budgets') || ',', to_char(v_charge.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      ',"externalId":' || to_json(in_external)::text),
    in_account => v_charge.account_id, in_key => v_charge.key_id, in_mode => v_charge.mode, in_request => in_request,
    in_endpoint => v_charge.endpoint, in_tariff => v_charge.tariff, in_credits => coalesce(in_credits, v_refundable),
    in_lots => v_lots, in_moved => v_moved, in_private => in_private);
  perform leave_shard(in_shard,
    repay_from_live_lots(in_shard, v_position, v_now, v_instance, v_charge.account_id, v_charge.mode), v_now);
  return keep_result(in_shard, v_command, in_request_hash, v_now,
    jsonb_build_object('verdict', 'ok', 'positions', jsonb_build_array(v_position), 'credits', coalesce(in_credits, v_refundable)));
end
$$;
