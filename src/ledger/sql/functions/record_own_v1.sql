-- Records the events of one command as record_v1 does, where they are such as owners cause: of one account, by a user. A plan starts
-- only with the account that the command opens. Whoever has no more than this grants nothing, and changes no plan, price or limit of an account.
--
-- The command's id is a UUID, or that of a request with an Idempotency-Key. Only the latter may record no event.
--
-- A command whose id was recorded before counts as done. A grant, and a revocation by the key itself, never has an id of either form. A
-- publication has one only if it came with an Idempotency-Key. So a thief who records commands here can make none of them count as
-- done, except for a publication whose Idempotency-Key he knows.
create or replace function record_own_v1(
  in_shard smallint, in_sender jsonb, in_command text, in_request_hash text,
  in_expected jsonb, in_events jsonb, in_secret bytea default null
) returns jsonb
language plpgsql security definer set search_path from current as $$
begin
  if (
    select coalesce(bool_and(coalesce(
        {{is_made_by_owners}} and r."accountId" = in_events -> 0 ->> 'accountId' and starts_with(r.actor, 'user:'), false)), true)
      and count(*) filter (where r.type = 'PlanStarted') = count(*) filter (where r.type = 'AccountOpened')
      and (in_command ~ '^request:[0-9a-f]{64}$' or count(*) > 0 and in_command ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')
    from jsonb_to_recordset(in_events) as r (type text, "accountId" text, actor text)
  ) is not true then
    raise exception 'this is no command, or these are no events, of an owner' using errcode = 'insufficient_privilege';
  end if;
  return record_v1(in_shard, in_sender, in_command, in_request_hash, in_expected, in_events, in_secret);
end
$$;
