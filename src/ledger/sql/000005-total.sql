-- Sums of bigints that are bigints, and 0 of none. The one that PostgreSQL brings counts in numerics, which takes longer,
-- and keeps a piece of memory for each sum of each group.
create aggregate total (bigint) (sfunc = int8pl, stype = bigint, initcond = '0', combinefunc = int8pl, parallel = safe);
