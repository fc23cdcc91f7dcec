-- Raises where a sender's name is none. It stands in every event that the sender writes, and in the one that fences it.
create or replace function check_instance(in_instance text) returns void
language plpgsql immutable as $$
begin
  if in_instance ~ '^[A-Za-z0-9_.-]{1,100}$' is not true then
    raise exception 'a sender names itself by 1 to 100 letters, digits, and _ . -' using errcode = 'invalid_parameter_value';
  end if;
end
$$;
