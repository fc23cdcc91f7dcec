-- The result that was kept for a management command, for when the command is sent again. Another request under the
-- same id is a mismatch. Without a kept result it returns null.
create or replace function repeated_result(in_shard smallint, in_command text, in_request_hash text) returns jsonb
language sql stable as $$
  select case when c.request_hash = in_request_hash then c.result || '{"repeated": true}'
    else jsonb_build_object('verdict', 'mismatch') end
  from management_commands c
  where c.command_id = in_command and c.shard = in_shard
$$;
