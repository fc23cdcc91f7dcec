/** What management's refusals are for the person at the terminal: a sentence that says what to do. */
import type { RefusalName, Refused } from '../management/decision.ts'
import { UsageError } from './errors.ts'

const sentences: Readonly<Record<RefusalName, string>> = {
  account_unknown: 'the ledger has no such account; "tollbook accounts list" shows those it has.',
  account_frozen: 'the account is frozen: "tollbook accounts unfreeze" thaws it.',
  account_erased: 'the account was erased, and nothing can be done for it any more.',
  key_unknown: 'the ledger has no such key; "tollbook keys list" shows those it has.',
  key_revoked: 'the key is revoked, for good: issue another with "tollbook keys create".',
  charge_unknown: 'no call of this request id was charged; X-Request-Id of the answer names it.',
  exceeds_charge: 'that is more than is left of the charge',
  plan_unknown: 'the tariff in force has no such plan',
  plan_not_grantable: 'the plan is no longer given (grantable: false in the tariff).',
  permission_unknown: 'no route has such a permission',
  exceeds_account: 'a key can only narrow what its account has',
  time_passed: 'the time must lie ahead',
  ends_before_start: 'the end must lie after the start.',
  external_id_taken: 'this --external-id was used for something else on this account.',
  external_id_reserved: 'an --external-id must not begin with "reset:", which is Tollbook\'s own.',
  changed_meanwhile: 'others kept changing it at the same time: try again.',
  no_tariff: 'no tariff with the default plan is in force: "tollbook prices publish" one.',
  already_published: 'this tariff was published for this time already.',
}

export function refusalError({ refused, field, expected, available }: Refused): UsageError {
  const details = [
    ...(field === undefined ? [] : [field]),
    ...(expected === undefined ? [] : [`expected ${expected}`]),
    ...(available === undefined ? [] : [`${available} credits are left of it`]),
  ]
  const sentence = sentences[refused]
  if (details.length === 0)
    return new UsageError(/[.?]$/.test(sentence) ? sentence : `${sentence}.`)
  return new UsageError(`${sentence.replace(/\.$/, '')} (${details.join(': ')}).`)
}
