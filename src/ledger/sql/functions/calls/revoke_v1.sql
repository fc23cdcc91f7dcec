-- Revokes the key that a secret's hash belongs to, for good. It says so itself, and nobody else can: in_sender is as that of any
-- management command. A key that is revoked stays so. Returns what record_v1 does; no_such_key without a key.
create or replace function revoke_v1(in_sender jsonb, in_hash text) returns jsonb
language plpgsql security definer set search_path from current as $$
declare
  v_key record;
  v_fault text;
  v_version integer;
begin
  select * into v_key from key_of(in_hash);
  if v_key.key_id is null then
    return jsonb_build_object('verdict', 'no_such_key');
  end if;
  -- The version is read under the lock, so that no other change comes between.
  select e.fault into v_fault from enter_for_management(v_key.shard, in_sender) e;
  if v_fault is not null then
    return jsonb_build_object('verdict', v_fault);
  end if;
  select k.version into v_version from key_state k
    where k.key_id = v_key.key_id and k.shard = v_key.shard and k.revoked_at is null;
  if v_version is null then
    return jsonb_build_object('verdict', 'ok');
  end if;
  return record_v1(v_key.shard, in_sender, 'revoke:' || v_key.key_id, v_key.key_id,
    jsonb_build_array(jsonb_build_object('stream', 'key', 'id', v_key.key_id, 'version', v_version)),
    jsonb_build_array(jsonb_build_object('type', 'KeyRevoked', 'accountId', v_key.account_id, 'keyId', v_key.key_id,
      'mode', v_key.mode, 'payload', '{}', 'actor', 'key:' || v_key.key_id)));
end
$$;
