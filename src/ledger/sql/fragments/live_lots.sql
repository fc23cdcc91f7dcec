select l.lot, l.expires_at, case l.kind when 'allowance' then 0 when 'overage' then 2 else 1 end as rank, l.free
from lots l
where l.account_id = {{account}} and l.mode = {{mode}} and l.shard = {{shard}}
  and l.starts_at <= {{time}} and l.expires_at > {{time}}
order by l.expires_at, l.lot
