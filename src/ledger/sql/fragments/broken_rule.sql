case
  when mode not in ('live', 'test') then 'modes_are_known'
  when credits not between 0 and {{max_amount}} or quantity not between 0 and {{max_amount}} or slots <= 0
    or status not between 0 and 999 or latency_ms < 0 then 'columns_are_in_range'
  -- What a key's calls do names the endpoint, except a lease and its end: usage is added up by it.
  when key_id is not null and stream_version is null and (endpoint is null) <> (slots is not null) then 'calls_name_their_endpoint'
  -- Longer texts than these do not fit an index, so that a projection that has them could not be built.
  when octet_length(account_id) > 500 or octet_length(key_id) > 500 or octet_length(request_id) > 500
    or octet_length(endpoint) > 500 or octet_length(tariff) > 500 then 'names_are_short'
  -- Fields are hashed one a line, so a field of two lines could be two fields. What calls say is not checked otherwise.
  when strpos(request_id, E'\n') > 0 or strpos(endpoint, E'\n') > 0 or strpos(tariff, E'\n') > 0 or strpos(actor, E'\n') > 0
    or strpos(payload::text, E'\n') > 0 then 'fields_have_one_line'
  -- Who reads the log holds a payload in memory. A tariff has the prices of all routes.
  when octet_length(payload::text) > case type when 'TariffPublished' then {{max_tariff_bytes}} else {{max_payload_bytes}} end
    or octet_length(private) > {{max_payload_bytes}} or octet_length(actor) > 500 then 'payload_is_short'
  when json_typeof(payload) <> 'object' then 'payload_is_an_object'
  -- json takes these escapes of NUL and of half a pair as they are, in either case, and whoever reads the field gets an error. A
  -- backslash that is escaped itself begins none: `C:\\udo` is a text like any other.
  when strpos(payload::text, '\u') > 0 and payload::text ~ '(^|[^\\])(\\\\)*\\u(0000|[dD][89a-fA-F])' then 'payload_is_readable'
end
