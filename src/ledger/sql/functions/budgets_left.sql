drop function if exists budgets_left(smallint, text, text, text, timestamptz, jsonb, jsonb, text, text, jsonb);
-- The budgets that a purchase counts in, as its event names them, and what the least of those leaves that refuse; null: none does. A
-- purchase counts in the spans of now, and an extension (in_held) in those of its hold, by the budgets as they are now.
-- in_moved is what the account's commands before it in the batch have changed. Where one leaves too little, `refusal` says which, when its span ends and
-- how many credits it has, as `1907704800:50:account day Europe/Berlin` with tabs in it: one that never has what the purchase needs, or else the
-- one whose span ends last.
create or replace function budgets_left(
  in_shard smallint, in_account text, in_mode text, in_key text, in_now timestamptz,
  in_of_account jsonb, in_of_key jsonb, in_group text, in_held text, in_moved jsonb, in_credits bigint,
  out spans text, out remaining bigint, out refusal text
)
-- Its plan is kept.
language plpgsql stable as $$
begin
  with defined as (
    select d.budget, d.per, d.zone, d."group", min(d.credits) filter (where not d.warns_only) as credits
    from named_budgets(in_of_account, in_of_key, in_key) d
    group by 1, 2, 3, 4
  ), counted as (
    select d.budget, budget_span_start(d.per, d.zone, l.starts_at, in_now) as starts_at, d.per, d.zone, d.credits
    from defined d
    cross join lateral (
      select max(u.starts_at) as starts_at from budget_use u
      where u.account_id = in_account and u.mode = in_mode and u.budget = d.budget and u.shard = in_shard
    ) l
    where in_held is null and (d."group" is null or d."group" = in_group)
    union all
    select h.key, h.value::timestamptz, d.per, d.zone, d.credits
    from json_each_text(in_held::json) h left join defined d on d.budget = h.key
  ), used as (
    -- Of one that only warns, or was taken away since, nothing is asked.
    select c.*, case when c.credits is not null then greatest(c.credits - coalesce(u.used, 0)
      - coalesce((in_moved ->> budget_in_batch(c.budget, c.starts_at))::bigint, 0), 0) end as remaining
    from counted c
    left join budget_use u
      on u.account_id = in_account and u.mode = in_mode and u.budget = c.budget and u.starts_at = c.starts_at and u.shard = in_shard
  ), timed as (
    select u.*, case when u.remaining < in_credits then span_end(u.per, u.zone, u.starts_at) end as ends_at from used u
  )
  select '{' || string_agg(format('%s:"%s"', to_json(t.budget), to_char(t.starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
      ',' order by t.budget collate "C") || '}',
    min(t.remaining),
    (array_agg(concat_ws(':', extract(epoch from t.ends_at)::bigint, t.credits, replace(t.budget, ' ', E'\t'))
        order by t.credits < in_credits desc, t.ends_at desc, t.budget collate "C")
      filter (where t.ends_at is not null))[1]
    into spans, budgets_left.remaining, refusal
  from timed t;
end
$$;
