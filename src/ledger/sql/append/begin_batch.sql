-- What holds for the whole batch. The month and the tariff are those of the batch's one timestamp.
declare
  v_position bigint;
  -- Of the last event that the batch writes.
  v_hash bytea;
  -- An id that opens a request now sorts from v_ids_begin on and before v_ids_end. One that an older partition can have sorts
  -- before v_sought_ids_end.
  v_ids_begin text;
  v_ids_end text;
  v_sought_ids_end text;
  v_month date;
  v_tariff text;
  -- The tariff's plans, their credits, and how many calls in flight they allow. Credits are null where more than they decides what the
  -- plan gives a month.
  v_plans text[];
  v_plan_credits bigint[];
  v_plan_max_in_flight integer[];
  -- Those that have prices of their own; null: none.
  v_pricing_plans text[];
  -- Whether one of its commands may have a price with tiers.
  v_has_tiers boolean;
  -- Columns of the events that the batch becomes, one element a command. Without a time of its own an event occurs now, and
  -- without credits of its own it has those of its command.
  v_event_times timestamptz[];
  v_event_credits bigint[];
  v_event_lots text[];
  v_event_held text[];
  v_event_moved text[];
begin
  v_position := v_entered.last_position;
  v_has_tiers := strpos(array_to_string(in_payload, ''), '"volume":null') > 0;
  -- All at once: an expression of its own costs a batch as much as a small look-up.
  select first_id(v_now - interval '5 minutes'), first_id(v_now + interval '5 minutes 1 millisecond'),
      coalesce(first_id(v_entered.partition_started_at + interval '5 minutes 1 millisecond'), ''),
      date_trunc('month', v_now at time zone 'UTC')::date, t.hash, t.plans, t.plan_credits, t.plan_max_in_flight, t.pricing_plans
    into v_ids_begin, v_ids_end, v_sought_ids_end, v_month, v_tariff, v_plans, v_plan_credits, v_plan_max_in_flight,
      v_pricing_plans
    from (select) batch
    left join (
      {{tariff_in_force}}
    ) t on true;
end
