#!/bin/sh
# The PostgreSQL image runs this once, in a new database. It creates the login of the gateways, which may do what
# the roles of calls and of management may, and nothing else. `tollbook migrate` gives these roles their rights.
set -eu

psql --no-psqlrc --set ON_ERROR_STOP=1 --set password="$GATEWAY_PASSWORD" \
  --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
create role tollbook_calls nologin;
create role tollbook_management nologin;
create role gateway login password :'password' in role tollbook_calls, tollbook_management;
SQL
