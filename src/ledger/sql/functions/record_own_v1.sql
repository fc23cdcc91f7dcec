-- Records the events of one command as record_v1 does, where they are such as owners cause: of one account, by a user; or none. A plan starts
-- only with the account that the command opens. Whoever has no more than this grants nothing, and changes no plan, price or limit of an account.
create or replace function record_own_v1(
  in_shard smallint, in_sender jsonb, in_command text, in_request_hash text,
  in_expected jsonb, in_events jsonb, in_secret bytea default null
) returns jsonb
language plpgsql security definer set search_path from current as $$
begin
  if (
    select coalesce(bool_and({{is_made_by_owners}} and r."accountId" = in_events -> 0 ->> 'accountId' and starts_with(r.actor, 'user:')), true)
      and count(*) filter (where r.type = 'PlanStarted') = count(*) filter (where r.type = 'AccountOpened')
    from jsonb_to_recordset(in_events) as r (type text, "accountId" text, actor text)
  ) is not true then
    raise exception 'these are no events that an owner causes' using errcode = 'insufficient_privilege';
  end if;
  return record_v1(in_shard, in_sender, in_command, in_request_hash, in_expected, in_events, in_secret);
end
$$;
