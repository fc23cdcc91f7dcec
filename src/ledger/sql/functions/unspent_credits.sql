-- What an account has of unspent credits, held ones among them, on lots that have not expired. Allowances and overage are not
-- counted: a month has one of each, and no purchase fails for what operators granted.
create or replace function unspent_credits(in_shard smallint, in_now timestamptz, in_account text, in_mode text)
returns numeric
language sql stable as $$
  select coalesce(sum(l.granted + l.refunded - l.adjusted - l.settled), 0)
  from lots l
  where l.account_id = in_account and l.mode = in_mode and l.shard = in_shard and l.expires_at > in_now
    and l.kind not in ('allowance', 'overage')
$$;
