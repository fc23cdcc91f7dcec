-- Whether a request is opened in any partition.
create or replace function is_opened(in_shard smallint, in_request text) returns boolean
language plpgsql stable as $$
begin
  return exists (select from events where request_id = in_request and shard = in_shard and {{is_opening}});
end
$$;
