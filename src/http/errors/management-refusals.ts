/** The refusal of a management command as clients see it: a code, and a text for each reason. */

import type { RefusalName, Refused } from '../../management/decision.ts'
import { invalidRequest, type Refusal, type RefusalCode } from '../../problems/refusal.ts'

const texts: Readonly<Record<RefusalName, readonly [RefusalCode, string]>> = {
  account_unknown: ['not_found', 'There is no such account.'],
  account_frozen: ['account_frozen', 'The account is frozen: no key is issued for it.'],
  account_erased: ['conflict', 'The account was erased.'],
  key_unknown: ['not_found', 'There is no such key.'],
  too_many_keys: [
    'conflict',
    'The account has as many keys as it may have at once; revoke one that is not used.',
  ],
  key_revoked: ['conflict', 'The key is revoked, for good.'],
  charge_unknown: ['not_found', 'No call of this id was charged.'],
  pack_unknown: ['invalid_request', 'no such pack'],
  exceeds_charge: ['conflict', 'More than what is left of the charge cannot be refunded.'],
  too_many_credits: [
    'conflict',
    'An account can have, or owe, at most 1,000,000,000,000,000 credits.',
  ],
  delivery_pending: [
    'delivery_pending',
    'The response may still arrive, or its gateway has yet to say that it did.',
  ],
  delivery_not_unknown: ['conflict', 'The response of this call is not known to be lost.'],
  plan_unknown: ['invalid_request', 'no such plan'],
  plan_not_grantable: ['plan_not_grantable', 'Another plan is given by an operator.'],
  permission_unknown: ['invalid_request', 'no such permission'],
  exceeds_account: ['invalid_request', 'a key can only narrow what its account has'],
  budget_twice: ['invalid_request', 'is the same budget as one before'],
  too_many_budgets: ['invalid_request', 'too many budgets'],
  time_zone_unknown: ['invalid_request', 'no such time zone'],
  time_passed: ['invalid_request', 'must lie ahead'],
  expires_too_late: ['invalid_request', 'lies too far ahead'],
  ends_before_start: ['invalid_request', 'must lie after the start'],
  external_id_taken: ['conflict', 'The externalId was used for something else.'],
  external_id_reserved: ['invalid_request', 'begins like those that the gateway makes itself'],
  changed_meanwhile: ['conflict', 'It was being changed by others at the same time; try again.'],
  version_moved: ['precondition_failed', 'It has changed since you read it: read it again.'],
  idempotency_key_taken: ['conflict', 'The Idempotency-Key was used for another request.'],
  secret_was_shown: [
    'conflict',
    'This was done under the Idempotency-Key already, and the key was shown then. If it is lost, give it a new secret.',
  ],
  no_tariff: ['price_missing', 'The tariff in force does not have the default plan.'],
  already_published: ['conflict', 'This tariff was published for this time already.'],
  scale_changed: ['invalid_request', 'credits are published in another way, which never changes'],
  would_drop: ['invalid_request', 'would disappear, which `mayDrop` confirms'],
}

/** The routes whose responses are computed by the queue of reports. */
const reports = [
  ...['get /api-keys/{id}/usage', 'get /api-keys/{id}/usage/summary', 'get /api-keys/{id}/events'],
  ...['get /account/statements/{month}', 'get /admin/events'],
  ...['get /admin/usage/hourly', 'get /admin/refusals', 'get /admin/health'],
  ...['get /admin/accounts/{id}/usage', 'get /admin/accounts/{id}/balance/history'],
  ...['get /admin/accounts/{id}/charges', 'get /admin/accounts/{id}/statements/{month}'],
  ...['get /account/usage', 'get /account/balance/history', 'get /account/charges'],
  ...['get /admin/usage/summary', 'get /admin/usage/top-users'],
]
const ofReports = ['concurrency_exceeded', 'reports_busy', 'report_timeout'] as const

/** Codes that single routes refuse with, by method and path, for the API documentation. */
export const refusalsByRoute: Readonly<Record<string, readonly RefusalCode[]>> = {
  ...Object.fromEntries(reports.map((route) => [route, ofReports])),
  'post /api-keys': ['plan_not_grantable', 'account_frozen', 'price_missing'],
  'post /v1/charges/{requestId}/refund': ['refund_by_operator', 'delivery_pending'],
  'post /admin/prices': ['sign_in_too_old'],
  'post /admin/operator-keys': ['sign_in_too_old'],
  'post /admin/operator-keys/{id}/rotate': ['sign_in_too_old', 'precondition_failed'],
  'delete /admin/operator-keys/{id}': ['precondition_failed'],
  'patch /admin/api-keys/{id}': ['plan_not_grantable', 'precondition_failed'],
  'delete /admin/api-keys/{id}': ['precondition_failed'],
  'patch /account': ['precondition_failed'],
  'patch /api-keys/{id}': ['precondition_failed'],
  'delete /api-keys/{id}': ['precondition_failed'],
  'post /api-keys/{id}/regenerate': ['precondition_failed'],
  'patch /admin/accounts/{id}': ['plan_not_grantable', 'precondition_failed'],
}

/** @param pointers where this request's body has the fields of the command, if not under their names */
export function managementRefusal(
  { refused, field, expected, available, dropped }: Refused,
  pointers: Readonly<Record<string, string>> = {},
): Refusal {
  const [code, text] = texts[refused]
  if (code === 'invalid_request') {
    const pointer = field === undefined ? '' : (pointers[field] ?? `/${field}`)
    const reason = dropped === undefined ? text : `${dropped.join('; ')}: ${text}`
    const detail = expected === undefined ? reason : `${reason}: expected ${expected}`
    return invalidRequest([{ pointer, detail }])
  }
  return {
    code,
    detail: text,
    ...(available !== undefined && { extensions: { available } }),
    ...(code === 'delivery_pending' && { headers: { 'Retry-After': '10' } }),
  }
}
