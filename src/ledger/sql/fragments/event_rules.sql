-- The rule that an event breaks.
case
  when mode not in ('live', 'test') then 'modes_are_known'
  when not (credits between 0 and {{max_amount}} and true) or not (quantity between 0 and {{max_amount}} and true) then 'amounts_are_bounded'
end
