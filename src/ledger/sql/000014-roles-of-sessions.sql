-- Operators sign in to the console with a browser, as owners do to the portal: a session says as what. The table keeps its name, and the
-- column has a default, for gateways that still run the version before.
alter table portal_sessions add column role text not null default 'owner';
create index portal_sessions_of_users on portal_sessions (subject);
