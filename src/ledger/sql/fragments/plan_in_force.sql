select p.plan from account_plans p
where p.account_id = {{account}} and p.shard = {{shard}} and p.starts_at <= {{time}}
order by p.position desc limit 1
