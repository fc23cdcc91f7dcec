-- Columns that do not line up would give a command what belongs to its neighbour: each is counted from 1, in one dimension, as
-- far as the commands are. Of a single command an empty column is null.
declare
  v_count integer := cardinality(in_kind);
begin
  if not in_kind <@ array[{{kinds}}] or in_sent_at is null
    or not string_to_array(concat_ws(' ', {{dimensions}}), ' ') <@ array['[1:' || v_count || ']']
  then
    raise exception 'the batch is not % commands of known kinds', v_count using errcode = 'invalid_parameter_value';
  end if;
end
