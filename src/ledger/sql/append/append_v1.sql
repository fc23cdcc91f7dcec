-- Appends a batch of call commands, and decides each of them in order.
--
--   command          event         what it asks for
--   hold             CreditsHeld   reserve the upper bound of a call's price
--   lease            CreditsHeld   reserve credits and slots for calls to come
--   extend           HoldExtended  add credits to an open hold
--   charge_on_lease  HoldSettled   charge a call that ran on a lease, from free credits
--   void_on_lease    HoldReleased  end a call that ran on a lease, uncharged
--   settle           HoldSettled   charge what a call used, and free the rest of its hold
--   release          HoldReleased  free a hold or a lease, uncharged
--   expire           HoldExpired   free a hold or a lease whose time is over; a HoldSettled, where its extensions say that
--                                  something was sent, which is then charged
--   count            CallsCounted  count calls of price 0
--   count_refused    CallsRefused  count calls that were refused
--
-- A hold, a lease and the end of a call that ran on a lease open the request that they name, and each request is opened once.
--
-- The first four are purchases: key, account, tariff and credits must allow them. Settle, release and expire resolve a
-- hold. A lease is a hold, too: it is open until it is released or expires, and counts as so many calls in flight as it
-- has slots.
--
-- Each parameter that is an array has one element a command. For each command the function returns a verdict, a position
-- (that of the event; for a refusal, that of the last event it was decided by) and the credits that are available then:
-- the free credits of live lots and what the month's first purchase still brings, less the account's debt. A refusal writes
-- nothing.
--
-- One lock, one read, one loop, and writes by the set. The loop decides in variables, so that a command sees what the
-- commands before it did, and what a command frees is there for those after it, beyond what is owed. Five things in it are
-- SQL: a claim is looked up, the month's allowance and overage, and what of earlier ones lapses, which are rare, are written at once, rarely a
-- request id is sought, and what has a price with tiers is priced by the month's volume.
-- All other events are written by the set at the end; then what has become free beside a debt repays it.
--
-- A batch is sent again until its reply arrives, so it has a number, in_sequence, and a hash of its content. It repeats where
-- the log ended when its producer last got a reply (in_epoch, in_position, in_hash), and gets where it ends now. in_delivered
-- and in_withheld say what became of the responses of the producer's charges. An empty batch says no more than that.
--
-- The parts in double braces stand in files of their own beside this one; migrate joins them (join-append.ts).
-- All parts share one set of variables; each is declared in the part that first sets it.
create or replace function append_v1(
  in_shard smallint, in_producer uuid, in_sequence bigint, in_content text,
  in_epoch integer, in_position bigint, in_hash text, in_sent_at timestamptz, in_delivered bigint, in_withheld bigint[],
  {{parameters}},
  out outcome text, out recorded_at timestamptz, out log_epoch integer, out log_position bigint, out log_hash bytea,
  out verdicts text[], out positions bigint[], out available bigint[]
)
language plpgsql security definer
set search_path from current
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set enable_hashagg = off
set jit = off
as $$
declare
  {{declarations}}
  command record;
begin
  {{check_batch}}
  {{find_producer}}
  {{begin_batch}}

  for command in
    {{read_state}}
  loop
    {{begin_account}}
    {{read_terms}}
    {{begin_command}}

    {{check_request}}
    if command.kind in ({{purchases}}) then
      {{check_key}}
      {{check_claim}}
      {{check_terms}}
      {{check_plan}}
      {{price_by_tiers}}
      {{find_drawable}}
      if v_verdict = 'ok' and {{has_limits}} then
        {{check_cap}}
        {{check_budgets}}
      end if;
      {{check_credits}}
      if v_verdict = 'ok' then
        {{grant_due_lots}}
        {{draw_on_lots}}
        if {{has_limits}} then
          {{count_in_cap}}
          {{count_in_budgets}}
        end if;
        {{note_purchase}}
      end if;
    elsif command.kind in ('count', 'count_refused') then
      {{decide_count}}
    elsif command.kind = 'void_on_lease' then
      {{decide_void_on_lease}}
    else
      {{price_by_tiers}}
      {{decide_resolution}}
      if v_verdict = 'ok' then
        {{return_to_lots}}
        if command.monthly_cap is not null or command.hold_budgets is not null then
          {{free_in_cap}}
          {{free_in_budgets}}
        end if;
        {{note_resolution}}
      end if;
      available[command.nth] := greatest(account.available, 0);
    end if;

    {{count_volume}}
    {{end_command}}
  end loop;

  {{write_events}}
  {{find_hash}}
  {{repay_debts}}
  {{tell_credits}}
  {{keep_results}}
end
$$;
