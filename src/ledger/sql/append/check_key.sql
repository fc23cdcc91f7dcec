-- Whether the key may buy. A gateway that knows an older version of key or account has to read them again.
begin
  v_verdict := case
    when v_verdict <> 'ok' then v_verdict
    when command.key_version_now is null then 'stale_key'
    when command.key_version_now is distinct from command.key_version
      or v_account_version is distinct from command.account_version then 'stale_key'
    when command.revoked_at is not null then 'key_revoked'
    when not command.enabled then 'key_disabled'
    when command.key_expires_at <= v_now
      or command.previous_secret and coalesce(command.previous_until, '-infinity') <= v_now then 'key_expired'
    when v_frozen then 'account_frozen'
    else 'ok'
  end;
end
