-- Records that the log is not the one that a gateway has seen, for all gateways. The first sign of it stays. Whoever calls this
-- holds the shard's lock, and lets the transaction commit.
create or replace function report_divergence(in_shard smallint, in_divergence text) returns void
language sql as $$
  update heads set divergence = coalesce(divergence, in_divergence) where shard = in_shard
$$;
