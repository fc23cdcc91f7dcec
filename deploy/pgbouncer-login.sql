-- What a login asks for at each connection, where a PgBouncer in session mode keeps it from asking. Run once for each login, by one
-- who may alter it: psql -v login=calls -v role=tollbook_calls -f pgbouncer-login.sql
alter role :"login" set role = :'role';
alter role :"login" set search_path = tollbook, pg_temp;
alter role :"login" set default_transaction_isolation = 'read committed';
alter role :"login" set synchronous_commit = on;
alter role :"login" set jit = off;
alter role :"login" set max_parallel_workers_per_gather = 0;
alter role :"login" set timezone = 'UTC';
alter role :"login" set lock_timeout = '10s';
