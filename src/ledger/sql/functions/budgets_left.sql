-- The budgets that a purchase counts in, as its event names them, and what the least of those leaves that refuse; null: none does. A
-- purchase counts in the spans of now, and an extension (in_held) in those of its hold, by the budgets as they are now.
-- in_moved is what the commands before it in the batch have changed.
create or replace function budgets_left(
  in_shard smallint, in_account text, in_mode text, in_key text, in_now timestamptz,
  in_of_account jsonb, in_of_key jsonb, in_group text, in_held text, in_moved jsonb,
  out spans text, out remaining bigint
)
language sql stable as $$
  with defined as (
    select d.budget, d.per, d.zone, min(d.credits) filter (where not d.warns_only) as credits
    from budgets_of_key(in_of_account, in_of_key, in_group, in_key) d
    group by 1, 2, 3
  ), counted as (
    select d.budget, span_start(d.per, d.zone, in_now) as starts_at, d.credits from defined d where in_held is null
    union all
    select h.key, h.value::timestamptz, d.credits from json_each_text(in_held::json) h left join defined d on d.budget = h.key
  )
  select '{' || string_agg(format('%s:"%s"', to_json(c.budget), to_char(c.starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
      ',' order by c.budget collate "C") || '}',
    -- Of a budget that was taken away since, nothing is asked.
    min(greatest(c.credits - coalesce(u.used, 0)
      - coalesce((in_moved ->> budget_in_batch(in_account, in_mode, c.budget, c.starts_at))::bigint, 0), 0))
      filter (where c.credits is not null)
  from counted c
  left join budget_use u
    on u.account_id = in_account and u.mode = in_mode and u.budget = c.budget and u.starts_at = c.starts_at and u.shard = in_shard
$$;
