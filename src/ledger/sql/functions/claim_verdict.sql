-- Whether a call may be held under an Idempotency-Key:
--   ok               no call has claimed it, or the call that did was not executed;
--   mismatch         another request has claimed it;
--   in_progress      the call that claimed it is under way;
--   replay           that call was charged: its stored response is sent again;
--   resumed          that call's hold expired, but its response was stored: this call is held and settled, and gets it;
--   outcome_unknown  that call may have been executed, and nobody knows; or its charge was refunded because nobody knew.
create or replace function claim_verdict(
  in_shard smallint, in_key text, in_claim text, in_request_hash text
) returns text
language plpgsql as $$
declare
  v_claim claims;
  v_end record;
begin
  select * into v_claim from claims c where c.key_id = in_key and c.claim = in_claim and c.shard = in_shard;
  if not found then
    return 'ok';
  elsif v_claim.request_hash <> in_request_hash then
    return 'mismatch';
  elsif exists (select from open_holds h where h.hold_id = v_claim.hold_id and h.shard = in_shard) then
    return 'in_progress';
  end if;
  select e.type, e.status, e.payload ->> 'reason' as reason into v_end
    from events e
    where e.request_id = v_claim.hold_id and e.shard = in_shard
      and {{resolves_a_hold}} and e.held is not null;
  return case
    when v_end.type = 'HoldSettled' then case when exists (
        select from events e
        where e.request_id = v_claim.hold_id and e.shard = in_shard and e.type = 'ChargeRefunded'
          and e.payload ->> 'externalId' = 'undelivered:' || v_claim.hold_id
      ) then 'outcome_unknown' else 'replay' end
    when exists (
      select from stored_responses s where s.key_id = in_key and s.claim = in_claim and s.shard = in_shard
    ) then 'resumed'
    -- The upstream was not reached, or responded that it did not execute the call. 502, 504 and the unregistered statuses
    -- from 520 on come from a proxy before the upstream, which does not know.
    when v_end.reason in ('upstream_unreachable', 'upstream_busy', 'refused_by_upstream', 'not_successful',
        'append_timed_out', 'request_refused')
      or v_end.reason = 'upstream_failed' and v_end.status not between 200 and 299 and v_end.status not in (502, 504)
        and v_end.status < 520 then 'ok'
    else 'outcome_unknown'
  end;
end
$$;
