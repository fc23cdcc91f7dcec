-- The key that an account's private fields are sealed under; null: the account is erased, or there is none.
create or replace function account_secret_v1(in_account text) returns bytea
language sql stable security definer set search_path from current as $$
  select s.secret from account_secrets s where s.account_id = in_account
$$;
