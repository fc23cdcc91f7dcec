-- Columns that do not line up would give a command what belongs to its neighbour.
declare
  v_count integer := cardinality(in_kind);
begin
  if v_count < greatest({{cardinalities}})
    or not in_kind <@ array[{{kinds}}]
  then
    raise exception 'the batch is not % commands of known kinds', v_count using errcode = 'invalid_parameter_value';
  end if;
end
