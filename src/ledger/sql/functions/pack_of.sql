-- A pack as the tariff in force has it: its credits, and the payload of a grant of it; none where there is no such pack.
-- in_payload names the pack and the grant's externalId.
create or replace function pack_of(in_shard smallint, in_now timestamptz, in_payload jsonb, out credits bigint, out payload text)
language sql stable as $$
  select (p.pack ->> 'credits')::bigint,
    format('{"expiresAt":"%s","externalId":%s,"kind":"paid","pack":%s,"paid":{"currency":%s,"minorUnits":%s},"startsAt":"%s"}',
      event_time(in_now + (p.pack ->> 'validDays')::integer * interval '24 hours'),
      in_payload -> 'externalId', in_payload -> 'pack', p.pack #> '{price,currency}', p.pack #> '{price,minorUnits}',
      event_time(in_now))
  from (
    select t.content #> array['packs', in_payload ->> 'pack'] as pack
    from tariffs t
    where t.hash = tariff_at(in_shard, in_now) and t.shard = in_shard
    limit 1
  ) p
  where p.pack is not null and in_payload ? 'externalId'
$$;
