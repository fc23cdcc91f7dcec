-- The payload of a call, whose Idempotency-Key and request are the ones that its command was decided by: claims follow from the log.
create or replace function claimed_payload(in_payload text, in_claim text, in_request_hash text) returns json
language plpgsql immutable as $$
declare
  v_payload json := in_payload;
begin
  if (v_payload ->> 'claim') is distinct from in_claim or (v_payload ->> 'requestHash') is distinct from
    (case when in_claim is not null then in_request_hash end)
  then
    raise exception 'the payload claims another Idempotency-Key than the command' using errcode = 'invalid_parameter_value';
  end if;
  return v_payload;
end
$$;
