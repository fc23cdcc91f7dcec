-- Keeps the result of a management command under its id, and returns it with where the log ends now: {epoch, position, hash}.
create or replace function keep_result(
  in_shard smallint, in_command text, in_request_hash text, in_now timestamptz, in_result jsonb
) returns jsonb
language sql as $$
  insert into management_commands (command_id, shard, request_hash, result, recorded_at)
  values (in_command, in_shard, in_request_hash, in_result || jsonb_build_object('recordedAt', in_now), in_now)
  returning result || (
    select jsonb_build_object('head',
      jsonb_build_object('epoch', h.epoch, 'position', h.position, 'hash', encode(h.event_hash, 'hex')))
    from heads h where h.shard = in_shard)
$$;
