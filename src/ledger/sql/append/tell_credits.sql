-- An accepted command that was priced here says after its verdict how many credits it is: `ok:17`.
begin
  if v_priced_credits is not null then
    verdicts := (
      select array_agg(verdicts[n] || case when verdicts[n] in ('ok', 'resumed') then coalesce(':' || v_priced_credits[n], '') else '' end order by n)
      from generate_subscripts(verdicts, 1) n);
  end if;
end
