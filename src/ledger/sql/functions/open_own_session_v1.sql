-- Signs a browser in to the portal, and to nothing else.
create or replace function open_own_session_v1(
  in_hash bytea, in_subject text, in_organisation text, in_replaces bytea
) returns timestamptz
language sql security definer set search_path from current as $$
  select open_session_v1(in_hash, 'owner', in_subject, in_organisation, in_replaces)
$$;
