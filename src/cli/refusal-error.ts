/** Explains to the person at the terminal why management refused a command, and what to do. */
import { isRefused, type RefusalName, type Refused } from '../management/decision.ts'
import { UsageError } from './usage-error.ts'

const sentences: Readonly<Record<RefusalName, string>> = {
  account_unknown: 'the ledger has no such account; "tollbook accounts list" lists them.',
  account_frozen: 'the account is frozen: "tollbook accounts unfreeze" thaws it.',
  account_erased: 'the account was erased, and nothing can be done for it any more.',
  key_unknown:
    'the ledger has no such key; "tollbook keys list" lists them, and "tollbook operator-keys list" those of operators.',
  too_many_keys:
    'the account has as many keys as it may have: revoke some, or raise limits.maxKeysPerAccount in tollbook.yaml.',
  key_revoked: 'the key is revoked, for good: create another.',
  charge_unknown: 'no call of this request id was charged; the X-Request-Id of a response is it.',
  pack_unknown: 'the tariff in force has no such pack',
  exceeds_charge: 'that is more than is left of the charge',
  too_many_credits: 'an account can have, or owe, at most 1,000,000,000,000,000 credits',
  delivery_pending:
    'the response may still arrive, or its gateway has yet to say that it did: try again in a minute.',
  delivery_not_unknown:
    'the response of this call is not known to be lost; without --undelivered it is refunded all the same.',
  plan_unknown: 'the tariff in force has no such plan',
  plan_not_grantable: 'the plan can no longer be given (grantable: false in the tariff).',
  permission_unknown: 'no route has such a permission',
  exceeds_account: 'a key can only narrow what its account has',
  budget_twice: 'the same budget is given twice',
  too_many_budgets: 'the account would have too many budgets',
  time_zone_unknown: 'there is no such time zone',
  time_passed: 'the time must lie ahead',
  expires_too_late: 'it would expire too late',
  ends_before_start: 'the end must lie after the start.',
  external_id_taken: 'this --external-id was used for something else on this account.',
  external_id_reserved: 'an --external-id must not begin with "reset:", which is Tollbook\'s own.',
  changed_meanwhile: 'others kept changing it at the same time: try again.',
  version_moved: 'it has changed since it was read.',
  idempotency_key_taken: 'the Idempotency-Key was used for another request.',
  secret_was_shown: 'it was done already, and its secret was shown then.',
  no_tariff: 'the tariff in force does not have the default plan of the configuration.',
  already_published: 'this tariff was published for this time already.',
  scale_changed: 'credits are published in another way, which never changes',
  would_drop:
    'not all that is in force is there. These would disappear, and calls that need them would be refused',
}

/** What management returns for a command. @throws UsageError when management refused it */
export function unwrap<T extends object>(result: T | Refused): T {
  if (isRefused(result)) throw refusalError(result)
  return result
}

export function refusalError({ refused, field, expected, available }: Refused): UsageError {
  const details = [
    ...(field === undefined ? [] : [field]),
    ...(expected === undefined ? [] : [`expected ${expected}`]),
    ...(available === undefined ? [] : [leftText(refused, available)]),
  ]
  const sentence = sentences[refused].replace(/\.$/, '')
  return new UsageError(
    details.length === 0 ? `${sentence}.` : `${sentence} (${details.join(': ')}).`,
  )
}

function leftText(refused: RefusalName, available: number): string {
  return refused === 'too_many_credits'
    ? `${available} more are possible`
    : `${available} credits are left of it`
}
