-- The results of management commands. A command that is sent again gets the result that was kept under its id; another
-- request under the same id is a mismatch.
create or replace function repeated_result(in_shard smallint, in_command text, in_request_hash text) returns jsonb
language sql stable as $$
  select case when c.request_hash = in_request_hash then c.result || '{"repeated": true}'
    else jsonb_build_object('verdict', 'mismatch') end
  from management_commands c
  where c.command_id = in_command and c.shard = in_shard
$$;

create or replace function keep_result(
  in_shard smallint, in_command text, in_request_hash text, in_now timestamptz, in_result jsonb
) returns jsonb
language sql as $$
  insert into management_commands (command_id, shard, request_hash, result, recorded_at)
  values (in_command, in_shard, in_request_hash, in_result || jsonb_build_object('recordedAt', in_now), in_now)
  returning result
$$;
