-- How far each gateway's charges are known to be delivered: the answer of every charge that it wrote up to
-- this position has left it. Of a gateway that died, what it charged later may not have arrived.
create table deliveries (
  instance text not null,
  shard smallint not null,
  position bigint not null,
  primary key (instance, shard)
) with (fillfactor = 10);

alter table stored_answers add column replayed_at timestamptz;
