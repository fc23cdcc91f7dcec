-- Commands answer the same again: what was kept under a command's id, unless another request uses it.
create or replace function repeated_answer(in_shard smallint, in_command text, in_request_hash text) returns jsonb
language sql stable as $$
  select case when c.request_hash = in_request_hash then c.answer || '{"repeated": true}'
    else jsonb_build_object('verdict', 'mismatch') end
  from commands c
  where c.command_id = in_command and c.shard = in_shard
$$;

create or replace function keep_answer(
  in_shard smallint, in_command text, in_request_hash text, in_now timestamptz, in_answer jsonb
) returns jsonb
language sql as $$
  insert into commands (command_id, shard, request_hash, answer, recorded_at)
  values (in_command, in_shard, in_request_hash, in_answer || jsonb_build_object('recordedAt', in_now), in_now)
  returning answer
$$;
