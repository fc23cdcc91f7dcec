#!/bin/sh
# The PostgreSQL image runs this once, in a new database. It creates a login for each role, which may do what the role may and
# nothing else. `tollbook migrate` gives the roles their rights.
set -eu

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  --set calls="$CALLS_PASSWORD" --set management="$MANAGEMENT_PASSWORD" --set portal="$PORTAL_PASSWORD" --set reader="$READER_PASSWORD" <<'SQL'
create role tollbook_calls nologin;
create role tollbook_management nologin;
create role tollbook_portal nologin;
create role tollbook_reader nologin;
create role calls login password :'calls' in role tollbook_calls;
create role management login password :'management' in role tollbook_management;
create role portal login password :'portal' in role tollbook_portal;
create role reader login password :'reader' in role tollbook_reader;
SQL
