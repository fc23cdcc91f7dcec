-- What holds for the whole batch. The month and the tariff are those of the batch's one timestamp.
declare
  v_position bigint;
  -- An id that opens a request now sorts from v_ids_begin on and before v_ids_end. One that an older partition can have sorts
  -- before v_sought_ids_end.
  v_ids_begin text;
  v_ids_end text;
  v_sought_ids_end text;
  v_month date;
  v_tariff text;
  -- Columns of the events that the batch becomes, one element a command; only accepted commands have a position.
  v_event_positions bigint[] := array_fill(null::bigint, array[v_count]);
  v_event_times timestamptz[] := array_fill(null::timestamptz, array[v_count]);
  v_event_credits bigint[] := array_fill(null::bigint, array[v_count]);
  v_event_lots text[] := array_fill(null::text, array[v_count]);
  v_event_held text[] := array_fill(null::text, array[v_count]);
  v_event_moved text[] := array_fill(null::text, array[v_count]);
begin
  v_position := v_last_position;
  v_ids_begin := first_id(v_now - interval '5 minutes');
  v_ids_end := first_id(v_now + interval '5 minutes 1 millisecond');
  v_sought_ids_end := coalesce(first_id(v_entered.partition_started_at + interval '5 minutes 1 millisecond'), '');
  v_month := date_trunc('month', v_now at time zone 'UTC')::date;
  select t.hash into v_tariff from (
    {{tariff_in_force}}
  ) t;
  verdicts := array_fill(null::text, array[v_count]);
  positions := array_fill(null::bigint, array[v_count]);
  available := array_fill(0::bigint, array[v_count]);
end
