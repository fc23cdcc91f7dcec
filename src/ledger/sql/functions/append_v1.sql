-- Appends a batch of call commands (hold, lease, extend, charge_on_lease, void_on_lease, settle, release, expire, count),
-- deciding each of them in order.
--
-- One lock, one look, one loop, set writes:
--   1. take the shard's lock, then look up the producer: a batch that was sent before is answered as before;
--   2. read in one query everything that decides, ordered by account and place in the batch;
--   3. decide item by item in local variables, so that an item sees what earlier ones of its account
--      did, and what an item frees counts only for later ones;
--   4. write what was accepted; the trigger on events moves the inline projections with it.
--
-- Item i of each array is one item. Answers, by item: a verdict, the position written (or, for a
-- refusal, the one it was decided at) and the credits then available, the month's allowance that is
-- still to be granted among them (of the key's cap, for key_cap_reached). A refusal appends nothing.
-- A hold that names an Idempotency-Key is also asked of claim_verdict, whose resumed is an acceptance.
-- A lease is a hold for as many calls in flight as it has slots. It stays open while calls run on it; each of them ends with
-- a charge_on_lease (held and settled in one, from what is free) or a void_on_lease.
create or replace function append_v1(
  in_shard smallint, in_producer uuid, in_sequence bigint, in_instance text,
  in_kinds text[], in_holds text[], in_accounts text[], in_keys text[],
  in_key_versions integer[], in_account_versions integer[], in_previous_secrets boolean[], in_modes text[],
  in_credits bigint[], in_quantities bigint[], in_slots integer[], in_endpoints text[], in_tariffs text[],
  in_statuses smallint[], in_latencies integer[], in_actors text[], in_claims text[], in_request_hashes text[],
  in_payloads text[],
  out outcome text, out recorded_at timestamptz, out verdicts text[], out positions bigint[], out available bigint[]
)
language plpgsql security definer
set search_path from current
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set jit = off
as $$
declare
  v_items integer := cardinality(in_kinds);
  v_last bigint;
  v_position bigint;
  v_now timestamptz;
  v_month date;
  v_tariff text;
  v_producer producers;
  r record;
  -- The account at hand, as the items before this one left it.
  v_account text;
  v_mode text;
  v_version integer;
  v_frozen boolean;
  v_most_open integer;
  v_open integer;
  -- What a hold could draw: what is free on live lots, and what the allowance due would add.
  v_free bigint;
  v_lots bigint[];
  v_lot_free bigint[];
  -- What this item could draw, which of an extension can be less: only lots from before this one.
  v_drawable bigint;
  v_before bigint;
  v_allowances integer;
  -- The allowance that the first accepted hold brings, and what of it goes to the account's debt.
  v_allowance_due bigint;
  v_repaid bigint;
  -- What capped keys of this account hold and have settled: {key and month: credits}.
  v_cap_used jsonb;
  v_used bigint;
  -- Idempotency-Keys that holds of this batch have claimed: {key claim: request hash}.
  v_claimed jsonb := '{}';
  -- The item at hand.
  v_verdict text;
  v_claim_verdict text;
  v_left bigint;
  v_take bigint;
  v_at integer;
  v_slots integer;
  v_draw_lots bigint[];
  v_draw_held bigint[];
  v_draw_moved bigint[];
  -- The account's holds that items of this batch have extended or resolved, and what they are since:
  -- nothing where they were resolved.
  v_nth integer;
  v_updated_holds text[];
  v_updated_credits bigint[];
  v_updated_until timestamptz[];
  v_updated_lots text[];
  v_updated_held text[];
  -- What is written, by item.
  w_positions bigint[] := array_fill(null::bigint, array[v_items]);
  w_occurred timestamptz[] := array_fill(null::timestamptz, array[v_items]);
  w_credits bigint[] := array_fill(null::bigint, array[v_items]);
  w_lots text[] := array_fill(null::text, array[v_items]);
  w_held text[] := array_fill(null::text, array[v_items]);
  w_moved text[] := array_fill(null::text, array[v_items]);
begin
  -- Columns that do not line up would give an item what belongs to its neighbour.
  if v_items < greatest(cardinality(in_holds), cardinality(in_accounts), cardinality(in_keys),
      cardinality(in_key_versions), cardinality(in_account_versions), cardinality(in_previous_secrets),
      cardinality(in_modes), cardinality(in_credits), cardinality(in_quantities), cardinality(in_slots), cardinality(in_endpoints),
      cardinality(in_tariffs), cardinality(in_statuses), cardinality(in_latencies), cardinality(in_actors),
      cardinality(in_claims), cardinality(in_request_hashes), cardinality(in_payloads))
    or not in_kinds <@ array['hold', 'lease', 'extend', 'charge_on_lease', 'void_on_lease', 'settle', 'release', 'expire', 'count']
  then
    raise exception 'the batch is not % items of known kinds', v_items using errcode = 'invalid_parameter_value';
  end if;
  select e.last_position, e.now_at into v_last, v_now from enter_shard(in_shard) e;
  select * into v_producer from producers l where l.producer = in_producer and l.shard = in_shard;
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

  v_position := v_last;
  v_month := date_trunc('month', v_now at time zone 'UTC')::date;
  select t.hash into v_tariff from tariffs t
    where t.shard = in_shard and t.effective_from <= v_now
    order by t.effective_from desc, t.position desc limit 1;
  verdicts := array_fill(null::text, array[v_items]);
  positions := array_fill(null::bigint, array[v_items]);
  available := array_fill(0::bigint, array[v_items]);

  for r in
    with items as (
      select i.*, row_number() over account as nth_of_account,
        bool_or(i.kind in ('hold', 'lease', 'extend', 'charge_on_lease')) over (
          account rows between unbounded preceding and unbounded following) as buys
      from (
        select u.*, case when u.kind in ('charge_on_lease', 'void_on_lease') then in_payloads[u.ord]::json ->> 'lease' else u.request_id end as hold_id
        from unnest(in_kinds, in_holds, in_accounts, in_keys, in_key_versions, in_account_versions,
          in_previous_secrets, in_modes, in_credits, in_slots, in_tariffs, in_claims, in_request_hashes)
          with ordinality as u (kind, request_id, account_id, key_id, key_version, account_version,
            previous_secret, mode, credits, slots, tariff, claim, request_hash, ord)
      ) i
      window account as (partition by i.account_id, i.mode order by i.ord)
    )
    select i.*, s.version as account_version_now, s.frozen or s.erased as frozen,
      coalesce(s.max_in_flight, p.max_in_flight) as max_open, coalesce(b.open_holds, 0) as open_holds,
      coalesce(b.debt, 0) as debt,
      coalesce(greatest(p.credits - case when b.allowance_month = v_month then b.allowance_granted else 0 end, 0), 0)
        as allowance_due,
      l.lots, l.free, l.ranks, coalesce(l.total, 0) as total,
      k.version as key_version_now, k.enabled, k.revoked_at, k.expires_at as key_expires_at,
      k.previous_until, k.monthly_cap, c.month as cap_month, i.key_id || c.month as cap, coalesce(m.used, 0) as cap_used,
      h.position as hold_position, h.endpoint as hold_endpoint, h.quantity as hold_quantity, h.slots as hold_slots, h.credits as hold_credits,
      h.held_at, h.expires_at as hold_expires_at, h.lots as hold_lots, h.held as hold_held
    from items i
    -- The account's state, once an account: the loop carries it from item to item. Whether a look is needed
    -- at all stands inside each look, where it is asked first; as the join's condition it would be asked last.
    -- What only a purchase is decided by is not looked for where the account buys nothing in this batch.
    left join lateral (
      select s.version, s.frozen, s.erased, s.max_in_flight from account_state s
      where i.nth_of_account = 1 and i.buys and s.account_id = i.account_id and s.shard = in_shard limit 1
    ) s on true
    left join lateral (
      select tp.credits, tp.max_in_flight
      from (
        select ap.plan from account_plans ap
        where ap.account_id = i.account_id and ap.shard = in_shard and ap.starts_at <= v_now
        order by ap.position desc limit 1
      ) plan
      join tariff_plans tp on tp.hash = v_tariff and tp.plan = plan.plan and tp.shard = in_shard
      where i.nth_of_account = 1 limit 1
    ) p on true
    left join lateral (
      select b.open_holds, b.debt, b.allowance_month, b.allowance_granted from balances b
      where i.nth_of_account = 1 and b.account_id = i.account_id and b.mode = i.mode and b.shard = in_shard limit 1
    ) b on true
    left join lateral (
      select array_agg(o.lot) as lots, array_agg(o.free) as free, array_agg(o.rank) as ranks,
        sum(o.free)::bigint as total
      from (
        select lots.lot, case lots.kind when 'allowance' then 0 else 1 end as rank,
          lots.granted + lots.refunded - lots.adjusted - lots.settled - lots.held as free
        from lots
        where i.nth_of_account = 1 and lots.account_id = i.account_id and lots.mode = i.mode and lots.shard = in_shard
          and lots.starts_at <= v_now and lots.expires_at > v_now
        order by lots.expires_at, lots.lot
      ) o
    ) l on true
    -- By its id alone: an account can have a thousand keys.
    left join lateral (
      select k.account_id, k.mode, k.version, k.enabled, k.revoked_at, k.expires_at, k.previous_until, k.monthly_cap
      from key_state k
      where (i.buys or i.kind = 'count') and k.key_id = i.key_id and k.shard = in_shard limit 1
    ) k on k.account_id = i.account_id and k.mode = i.mode
    left join lateral (
      select h.* from open_holds h
      where i.kind not in ('hold', 'lease', 'count') and h.hold_id = i.hold_id and h.shard = in_shard
        and h.account_id = i.account_id and h.key_id = i.key_id and h.mode = i.mode limit 1
    ) h on true
    -- A call counts against its key's cap in the month of its hold.
    cross join lateral (
      select case when h.held_at is null or i.kind = 'charge_on_lease' then v_month
        else date_trunc('month', h.held_at at time zone 'UTC')::date end as month
    ) c
    left join lateral (
      select m.cap_used as used from monthly_balances m
      where k.monthly_cap is not null and m.account_id = i.account_id and m.key_id = i.key_id and m.mode = i.mode
        and m.month = c.month and m.shard = in_shard limit 1
    ) m on true
    order by i.account_id, i.mode, i.ord
  loop
    if r.account_id is distinct from v_account or r.mode is distinct from v_mode then
      v_account := r.account_id;
      v_mode := r.mode;
      v_version := r.account_version_now;
      v_frozen := r.frozen;
      v_most_open := coalesce(r.max_open, 0);
      v_open := r.open_holds;
      v_allowance_due := r.allowance_due;
      v_repaid := least(r.debt, v_allowance_due);
      v_free := r.total + v_allowance_due - v_repaid;
      v_lots := coalesce(r.lots, '{}');
      v_lot_free := coalesce(r.free, '{}');
      v_allowances := 0;
      if cardinality(v_lots) = 1 then
        v_allowances := 1 - r.ranks[1];
      elsif v_lots <> '{}' then
        -- Allowances are drawn first, then what expires first, then the oldest.
        select array_agg(l.lot order by l.rank, l.nth), array_agg(l.free order by l.rank, l.nth),
            count(*) filter (where l.rank = 0)
          into v_lots, v_lot_free, v_allowances
          from unnest(r.lots, r.free, r.ranks) with ordinality as l (lot, free, rank, nth);
      end if;
      v_cap_used := '{}';
      v_updated_holds := '{}';
    end if;
    v_verdict := 'ok';
    v_draw_lots := null;
    v_draw_held := null;
    v_draw_moved := null;
    -- As how many calls in flight the hold counts.
    v_slots := coalesce(r.hold_slots, r.slots, 1);
    v_nth := case when v_updated_holds <> '{}' then array_position(v_updated_holds, r.hold_id) end;
    if v_nth is not null then
      r.hold_credits := v_updated_credits[v_nth];
      r.hold_expires_at := v_updated_until[v_nth];
      r.hold_lots := v_updated_lots[v_nth]::bigint[];
      r.hold_held := v_updated_held[v_nth]::bigint[];
    end if;

    if r.kind in ('hold', 'lease', 'extend', 'charge_on_lease') then
      -- To buy is to hold: what is added to a hold is bought at that moment, under the same conditions. Only
      -- the price and the place in flight were settled when the hold was taken. What ran on a standing hold is
      -- bought at its end, which took no more than its place in flight before.
      v_verdict := case
        when r.key_version_now is distinct from r.key_version
          or v_version is distinct from r.account_version then 'stale_key'
        when r.revoked_at is not null then 'key_revoked'
        when not r.enabled then 'key_disabled'
        when r.key_expires_at <= v_now or r.previous_secret and coalesce(r.previous_until, '-infinity') <= v_now then 'key_expired'
        when v_frozen then 'account_frozen'
        else 'ok'
      end;
      v_claim_verdict := 'ok';
      if v_verdict = 'ok' and r.claim is not null then
        v_claim_verdict := coalesce(
          case v_claimed ->> (r.key_id || ' ' || r.claim)
            when r.request_hash then 'in_progress'
            else case when v_claimed ? (r.key_id || ' ' || r.claim) then 'mismatch' end
          end,
          claim_verdict(in_shard, r.key_id, r.claim, r.request_hash));
        if v_claim_verdict <> 'resumed' then
          v_verdict := v_claim_verdict;
        end if;
      end if;
      v_verdict := case
        when v_verdict <> 'ok' then v_verdict
        -- Only what ran on a standing hold is bought on one, and only other holds are extended.
        when r.kind not in ('hold', 'lease')
          and (r.hold_credits is null or (r.hold_slots is not null) <> (r.kind = 'charge_on_lease')) then 'hold_not_open'
        when r.kind = 'extend' then 'ok'
        when v_tariff is null or r.tariff <> v_tariff then 'stale_tariff'
        when r.kind = 'charge_on_lease' then
          case when r.credits > r.hold_credits then 'exceeds_hold' else 'ok' end
        -- A plan that the tariff does not know allows nothing.
        when v_open + v_slots > v_most_open then 'concurrency_exceeded'
        else 'ok'
      end;
      -- Months cut on the hold's time: what only a later month granted cannot pay for a call of this one.
      v_before := case when v_verdict = 'ok' and r.cap_month < v_month then r.hold_position end;
      v_drawable := v_free;
      if v_before is not null then
        select coalesce(sum(l.free), 0) into v_drawable
          from unnest(v_lots, v_lot_free) l (lot, free) where l.lot < v_before;
      end if;
      available[r.ord] := v_drawable;
      if v_verdict = 'ok' and r.monthly_cap is not null then
        v_used := coalesce((v_cap_used ->> r.cap)::bigint, r.cap_used);
        if r.credits > greatest(r.monthly_cap - v_used, 0) then
          v_verdict := 'key_cap_reached';
          available[r.ord] := greatest(r.monthly_cap - v_used, 0);
        end if;
      end if;
      if v_verdict = 'ok' and r.credits > v_drawable then
        v_verdict := 'insufficient_credits';
      end if;
      if v_verdict = 'ok' then
        if v_allowance_due > 0 and v_before is null then
          -- Allowances are drawn first, the older before the newer.
          v_lots := v_lots[:v_allowances] || v_position + 1 || v_lots[v_allowances + 1:];
          v_lot_free := v_lot_free[:v_allowances] || v_allowance_due - v_repaid || v_lot_free[v_allowances + 1:];
          v_allowances := v_allowances + 1;
          v_position := grant_allowance(in_shard, v_position + 1, v_now, in_instance, r.account_id, r.mode, v_allowance_due);
          v_allowance_due := 0;
        end if;
        v_draw_lots := '{}';
        v_draw_held := '{}';
        v_left := r.credits;
        for n in 1..cardinality(v_lots) loop
          exit when v_left = 0;
          -- A standing hold keeps what would be spent last: what expires first is still spent first.
          v_at := case r.kind when 'lease' then cardinality(v_lots) + 1 - n else n end;
          v_take := least(v_lot_free[v_at], v_left);
          continue when v_take = 0 or v_lots[v_at] >= v_before;
          v_draw_lots := v_draw_lots || v_lots[v_at];
          v_draw_held := v_draw_held || v_take;
          v_lot_free[v_at] := v_lot_free[v_at] - v_take;
          v_left := v_left - v_take;
        end loop;
        v_free := v_free - r.credits;
        available[r.ord] := v_free;
        if r.monthly_cap is not null then
          v_cap_used := v_cap_used || jsonb_build_object(r.cap, v_used + r.credits);
        end if;
        if r.kind in ('hold', 'lease') then
          v_open := v_open + v_slots;
          if r.claim is not null then
            v_claimed := v_claimed || jsonb_build_object(r.key_id || ' ' || r.claim, r.request_hash);
          end if;
        elsif r.kind = 'charge_on_lease' then
          v_draw_moved := v_draw_held;
          v_draw_held := null;
        else
          -- The hold for later items of this batch: a lot that it draws on again stands in it once.
          for j in 1..cardinality(v_draw_lots) loop
            v_at := array_position(r.hold_lots, v_draw_lots[j]);
            if v_at is null then
              r.hold_lots := r.hold_lots || v_draw_lots[j];
              r.hold_held := r.hold_held || v_draw_held[j];
            else
              r.hold_held[v_at] := r.hold_held[v_at] + v_draw_held[j];
            end if;
          end loop;
          v_nth := coalesce(v_nth, cardinality(v_updated_holds) + 1);
          v_updated_holds[v_nth] := r.hold_id;
          v_updated_credits[v_nth] := r.hold_credits + r.credits;
          v_updated_until[v_nth] := greatest(r.hold_expires_at,
            v_now + make_interval(secs => (in_payloads[r.ord]::json ->> 'holdSeconds')::integer));
          v_updated_lots[v_nth] := r.hold_lots::text;
          v_updated_held[v_nth] := r.hold_held::text;
        end if;
        w_occurred[r.ord] := case when r.kind = 'extend' then r.held_at else v_now end;
        w_credits[r.ord] := r.credits;
      end if;

    elsif r.kind = 'count' then
      -- Calls that were served are counted whatever became of the key; it must be the account's own.
      if r.key_version_now is null then
        v_verdict := 'stale_key';
      end if;
      w_occurred[r.ord] := v_now;

    elsif r.kind = 'void_on_lease' then
      v_verdict := case when r.hold_slots is not null and r.hold_credits is not null then 'ok' else 'hold_not_open' end;
      available[r.ord] := v_free;
      w_occurred[r.ord] := v_now;
      w_credits[r.ord] := 0;

    else
      -- What resolves a hold: settle takes what was used from the lots it drew on, in their order, and
      -- frees the rest; release and expire free it all. What returns to an expired lot lapses there.
      v_verdict := case
        when r.hold_credits is null or r.kind = 'settle' and r.hold_slots is not null then 'hold_not_open'
        when r.kind = 'settle' and r.credits > r.hold_credits then 'exceeds_hold'
        when r.kind = 'expire' and r.hold_expires_at > v_now then 'hold_not_due'
        else 'ok'
      end;
      if v_verdict = 'ok' then
        v_left := case when r.kind = 'settle' then r.credits else 0 end;
        v_draw_lots := r.hold_lots;
        v_draw_held := '{}';
        v_draw_moved := '{}';
        for j in 1..cardinality(r.hold_lots) loop
          v_take := least(r.hold_held[j], v_left);
          v_left := v_left - v_take;
          v_draw_held := v_draw_held || -r.hold_held[j];
          v_draw_moved := v_draw_moved || v_take;
          v_at := array_position(v_lots, r.hold_lots[j]);
          if v_at is not null then
            v_lot_free[v_at] := v_lot_free[v_at] + r.hold_held[j] - v_take;
            v_free := v_free + r.hold_held[j] - v_take;
          end if;
        end loop;
        if r.kind <> 'settle' then
          v_draw_moved := null;
        end if;
        v_open := v_open - v_slots;
        -- The end of a lease says how many slots it had; whoever does not know a hold's endpoint reads it from the hold.
        if r.hold_slots is not null or in_endpoints[r.ord] is null then
          in_endpoints[r.ord] := r.hold_endpoint;
          in_quantities[r.ord] := r.hold_quantity;
          in_slots[r.ord] := r.hold_slots;
        end if;
        v_nth := coalesce(v_nth, cardinality(v_updated_holds) + 1);
        v_updated_holds[v_nth] := r.hold_id;
        v_updated_credits[v_nth] := null;
        if r.monthly_cap is not null then
          v_used := coalesce((v_cap_used ->> r.cap)::bigint, r.cap_used);
          v_cap_used := v_cap_used || jsonb_build_object(r.cap,
            v_used - r.hold_credits + case when r.kind = 'settle' then r.credits else 0 end);
        end if;
        w_occurred[r.ord] := r.held_at;
        w_credits[r.ord] := case when r.kind = 'settle' then r.credits else r.hold_credits end;
      end if;
      available[r.ord] := v_free;
    end if;

    verdicts[r.ord] := case when v_verdict = 'ok' and r.kind = 'hold' then v_claim_verdict else v_verdict end;
    if v_verdict = 'ok' then
      v_position := v_position + 1;
      w_positions[r.ord] := v_position;
      w_lots[r.ord] := v_draw_lots::text;
      w_held[r.ord] := v_draw_held::text;
      w_moved[r.ord] := v_draw_moved::text;
    end if;
    positions[r.ord] := v_position;
  end loop;

  if v_position > v_last then
    insert into events (shard, position, recorded_at, occurred_at, type, stream_version,
      account_id, key_id, mode, request_id, endpoint, tariff, credits, quantity, slots, status, latency_ms,
      lots, held, moved, actor, instance, payload, private, event_hash)
    select in_shard, w.position, v_now, w.occurred_at, e.type, null,
      w.account_id, w.key_id, w.mode, w.request_id, w.endpoint, w.tariff, w.credits, w.quantity, w.slots, w.status, w.latency_ms,
      e.lots, e.held, e.moved, w.actor, in_instance, e.payload, null,
      hash_event(in_shard, w.position, v_now, w.occurred_at, e.type, null::integer,
        w.account_id, w.key_id, w.mode, w.request_id, w.endpoint, w.tariff, w.credits, w.quantity, w.slots, w.status, w.latency_ms,
        e.lots, e.held, e.moved, w.actor, in_instance, e.payload, null::bytea)
    from unnest(w_positions, w_occurred, in_kinds, in_accounts, in_keys, in_modes, in_holds, in_endpoints, in_tariffs,
      w_credits, in_quantities, in_slots, in_statuses, in_latencies, w_lots, w_held, w_moved, in_actors, in_payloads)
      as w (position, occurred_at, kind, account_id, key_id, mode, request_id, endpoint, tariff,
        credits, quantity, slots, status, latency_ms, lots, held, moved, actor, payload)
    cross join lateral (
      select case w.kind when 'hold' then 'CreditsHeld' when 'lease' then 'CreditsHeld' when 'extend' then 'HoldExtended' when 'settle' then 'HoldSettled'
          when 'charge_on_lease' then 'HoldSettled' when 'release' then 'HoldReleased' when 'void_on_lease' then 'HoldReleased'
          when 'expire' then 'HoldExpired' else 'CallsCounted' end as type,
        w.lots::bigint[] as lots, w.held::bigint[] as held, w.moved::bigint[] as moved, w.payload::json as payload
    ) e
    where w.position is not null;
    perform leave_shard(in_shard, v_position, v_now);
  end if;

  outcome := 'appended';
  recorded_at := v_now;
  update producers l
    set sequence = in_sequence, recorded_at = v_now, verdicts = append_v1.verdicts, positions = append_v1.positions,
      available = append_v1.available
    where l.producer = in_producer and l.shard = in_shard;
end
$$;
