-- Whether the key may buy. A gateway that knows an older version of key or account has to read them again.
begin
  v_verdict := case
    when v_verdict <> 'ok' then v_verdict
    when command.key_version_now is null then 'stale_key'
    when command.key_version_now is distinct from in_key_version[command.nth]
      or account.account_version_now is distinct from in_account_version[command.nth] then 'stale_key'
    when command.revoked_at is not null then 'key_revoked'
    when not command.enabled then 'key_disabled'
    when command.key_expires_at <= v_now
      or in_previous_secret[command.nth] and coalesce(command.previous_until, '-infinity') <= v_now then 'key_expired'
    when account.frozen then 'account_frozen'
    else 'ok'
  end;
end
