-- What an account is found by beside its ids: its name and its contact, folded. Personal data, which the log has encrypted; so it stands
-- outside of the log, as the accounts' secrets do, and erasing the account takes it away. No role reads the name: find_accounts_v1 finds by
-- it. Which accounts are described, readers see.
create table account_names (
  account_id text not null,
  shard smallint not null,
  name text not null check (length(name) <= 1000),
  primary key (account_id, shard)
);
