-- What is known of the response of a charge:
--   sent     it has left its gateway;
--   pending  it may still leave, or its gateway has yet to say that it has;
--   unknown  its gateway withheld it, or was fenced before it said that it had left. It cannot leave any more.
-- null: nothing is known of the gateway, as after a restore.
create or replace function delivery_of(in_charge events) returns text
language sql stable set search_path from current as $$
  select case
    when in_charge.payload ->> 'delivered' is not null or in_charge.payload ->> 'terminatedBy' is not null then 'sent'
    when exists (
      select from withheld w where w.position = in_charge.position and w.shard = in_charge.shard
    ) then 'unknown'
    when in_charge.position <= gateway.delivered then 'sent'
    when gateway.is_fenced then 'unknown'
    when not gateway.is_fenced then 'pending'
  end
  from (values (1)) one
  left join lateral (
    select p.delivered, p.fenced_at is not null as is_fenced
    from producers p where p.instance = in_charge.instance and p.shard = in_charge.shard
    union all
    -- Of a producer that is forgotten, the log still says how it ended.
    select (f.payload ->> 'deliveredUpTo')::bigint, true
    from events f
    where f.type = 'ProducerFenced' and f.payload ->> 'instance' = in_charge.instance and f.shard = in_charge.shard
    limit 1
  ) gateway on true
$$;
