-- Beside the actor, whom an event names, stands who was logged in when it was written: an actor is what a gateway says. Events of
-- before this migration have none, and their hashes are what they were.
alter table events add column login text;
