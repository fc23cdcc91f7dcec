select t.hash{{more}} from tariffs t
where t.shard = {{shard}} and t.effective_from <= {{time}}
order by t.effective_from desc, t.position desc limit 1
