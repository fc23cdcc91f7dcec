-- Signs a browser in to the portal, and to nothing else.
-- Without a role among its parameters it is of a version before, which would stay beside this one.
drop function if exists open_own_session_v1(bytea, text, text, bytea);
create or replace function open_own_session_v1(
  in_hash bytea, in_role text, in_subject text, in_organisation text, in_replaces bytea
) returns timestamptz
language plpgsql security definer set search_path from current as $$
begin
  if (in_role in ('owner', 'reader')) is not true then
    raise exception 'nobody is signed in to the portal as %', in_role using errcode = 'insufficient_privilege';
  end if;
  return open_session_v1(in_hash, in_role, in_subject, in_organisation, in_replaces);
end
$$;
