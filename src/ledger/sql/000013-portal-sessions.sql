-- Who is signed in to the portal with a browser. Sessions are no part of the log, and a backup has none of them: they decide nothing
-- but who asks. The id of a session is in its cookie alone; here stands the hash of it.
create table portal_sessions (
  session_hash bytea primary key,
  -- The user, and the organisation that the user acts for.
  subject text not null,
  organisation text,
  signed_in_at timestamptz not null,
  last_used_at timestamptz not null
);
create index portal_sessions_by_time on portal_sessions (last_used_at);
