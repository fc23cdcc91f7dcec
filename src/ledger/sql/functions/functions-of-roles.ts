/** What each role may execute. Everything else is the owner's. */
import type { Role } from '../../roles.ts'

/** What every role reads by: it says nothing of any account. */
const ofTheLedger = [
  'ledger_now',
  'heads_v1',
  'ledger_id_v1',
  'shard_tariffs_v1',
  'current_tariffs_v1',
  'find_tariff_v1',
  'schema_state_v1',
  'ledger_state_v1',
  'projection_lags_v1',
  'plan_counts_v1',
]

/** They read as whoever calls them, and so are of use to roles that read tables. */
const overTables = [
  'delivery_of',
  'tariff_at',
  'plan_at',
  'allowance_due',
  'allowance_of_month',
  'live_lots',
  'month_charges',
  'balance_of',
  'span_start',
  'span_end',
  'budgets_of',
  'budgets_of_key',
  'charge_events',
  'charges_of',
  'hash_event',
  'merge_changes',
  'total',
]

export const functionsOfRoles: Readonly<Record<Role, readonly string[]>> = {
  calls: [
    ...ofTheLedger,
    'extend_partitions',
    'open_producer_v1',
    'fence_producers_v1',
    'append_v1',
    'changes_v1',
    'overdue_holds_v1',
    'find_key_v1',
    'has_budgets_v1',
    'find_claim_v1',
    'store_response_v1',
    'replayed_v1',
    'forget_responses_v1',
    'store_refusals_v1',
    'forget_refusals_v1',
    'own_balance_v1',
    'own_budgets_v1',
    'own_charge_v1',
    'own_charges_v1',
    'revoke_v1',
    'refund_undelivered_v1',
  ],
  management: [
    ...ofTheLedger,
    ...overTables,
    'account_secret_v1',
    'record_v1',
    'grant_v1',
    'adjust_v1',
    'refund_v1',
    'import_usage_v1',
    'open_session_v1',
    'use_session_v1',
    'close_session_v1',
    'close_sessions_v1',
    'forget_sessions_v1',
  ],
  reader: [...ofTheLedger, ...overTables],
}
