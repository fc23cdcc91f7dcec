-- Operators sign in to the console with a browser, as owners do to the portal: a session says as what.
alter table portal_sessions rename to browser_sessions;
alter table browser_sessions rename constraint portal_sessions_pkey to browser_sessions_pkey;
alter index portal_sessions_by_time rename to browser_sessions_by_time;
alter table browser_sessions add column role text not null default 'owner';
alter table browser_sessions alter column role drop default;
create index browser_sessions_of_users on browser_sessions (subject);
