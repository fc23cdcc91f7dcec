-- The triggers on the log: it feeds the inline projections, and refuses changes.
create or replace trigger project after insert on events
  referencing new table as batch for each statement execute function project_inline();
create or replace trigger refuse_change before update or delete on events
  for each row execute function refuse_change();
create or replace trigger refuse_truncate before truncate on events
  execute function refuse_change();
