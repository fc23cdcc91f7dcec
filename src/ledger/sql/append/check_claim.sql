-- Whether the call's Idempotency-Key is free: neither claimed earlier in this batch nor refused by claim_verdict. The
-- verdict resumed is an acceptance.
declare
  v_claim_verdict text;
  -- Idempotency-Keys that holds of this batch have claimed: {key and claim: request hash}.
  v_claimed jsonb;
begin
  if v_verdict = 'ok' and in_claim[command.nth] is not null then
    v_claim_verdict := coalesce(
      case v_claimed ->> (command.key_id || ' ' || in_claim[command.nth])
        when in_request_hash[command.nth] then 'in_progress'
        else case when v_claimed ? (command.key_id || ' ' || in_claim[command.nth]) then 'mismatch' end
      end,
      claim_verdict(in_shard, command.key_id, in_claim[command.nth], in_request_hash[command.nth]));
    if v_claim_verdict <> 'resumed' then
      v_verdict := v_claim_verdict;
    end if;
  end if;
end
