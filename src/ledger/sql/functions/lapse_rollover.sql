-- Lets lapse what is left of an account's allowances of earlier months beyond what rolls over, an event a lot. Whatever moves the account's
-- credits does this first; what it frees itself lapses before what comes next. Returns the last position written. Whoever calls this
-- holds the shard's lock.
create or replace function lapse_rollover(
  in_shard smallint, in_position bigint, in_now timestamptz, in_instance text, in_account text, in_mode text
) returns bigint
language plpgsql as $$
declare
  r record;
begin
  for r in select * from rollover_excess(in_shard, in_now, in_account, in_mode) x order by x.draw_order loop
    in_position := in_position + 1;
    perform write_event(in_shard, in_position, in_now, 'CreditsLapsed', 'ledger', in_instance, '{}',
      in_account => in_account, in_mode => in_mode, in_credits => r.credits, in_lots => array[r.lot], in_moved => array[r.credits]);
  end loop;
  return in_position;
end
$$;
