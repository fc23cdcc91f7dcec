-- Charges whose answers their gateways kept back, since they did not learn in time that they were written.
create table withheld (
  position bigint not null,
  shard smallint not null,
  primary key (position, shard)
);
