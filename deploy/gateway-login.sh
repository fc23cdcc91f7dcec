#!/bin/sh
# The PostgreSQL image runs this once, in a new database. It creates the login of the gateways, which may do what the
# role tollbook_gateway may (append and read) and nothing else. `tollbook migrate` gives that role its rights.
set -eu

psql --no-psqlrc --set ON_ERROR_STOP=1 --set password="$GATEWAY_PASSWORD" \
  --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
create role tollbook_gateway nologin;
create role gateway login password :'password' in role tollbook_gateway;
SQL
