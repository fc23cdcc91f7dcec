-- A payload that holds an escape of NUL or of half a pair can be written, and not be read. The escape can be in either case, and
-- a backslash that is escaped itself begins none: `C:\\udo` is a text like any other.
alter table events drop constraint payload_is_readable;
alter table events add constraint payload_is_readable check (
  strpos(payload::text, '\u') = 0 or payload::text !~ '(^|[^\\])(\\\\)*\\u(0000|[dD][89a-fA-F])'
) not valid;
