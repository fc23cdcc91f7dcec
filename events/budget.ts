/**
 * Budgets: how many credits may be used in a day, a week or a month of a time zone's calendar, by an account, a group of its keys, or a key.
 *
 * A purchase counts in the span that its hold falls in. The event of a purchase, and each later event about it, names the budgets that
 * it counts in and where their spans begin, because time-zone databases differ: whoever reads the log needs none.
 */
import { type Static, Type } from '@sinclair/typebox'
import { maxAmount } from './bounds.ts'

/** A key of an account can be in one group. */
export const groupPattern = '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'

const fields = {
  credits: Type.Integer({ minimum: 0, maximum: maxAmount }),
  /** A week begins on Monday. */
  per: Type.Union([Type.Literal('day'), Type.Literal('week'), Type.Literal('month')]),
  /** IANA name. */
  timeZone: Type.String({ pattern: '^[A-Z][A-Za-z0-9_+/-]{0,63}$' }),
  /** It refuses nothing, and is shown to be exceeded. */
  warnsOnly: Type.Optional(Type.Literal(true)),
}

export const KeyBudget = Type.Object(fields)
export type KeyBudget = Static<typeof KeyBudget>

/** Of all keys of the account, or of those of a group. */
export const Budget = Type.Object({
  ...fields,
  group: Type.Optional(Type.String({ pattern: groupPattern })),
})
export type Budget = Static<typeof Budget>

/** The budgets that a purchase counts in, by their names, with the start of the span: `account day Europe/Berlin`. */
export const Spans = Type.Record(
  Type.String(),
  Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$' }),
)

type Named = Pick<Budget, 'per' | 'timeZone' | 'group'>

/** What counts in budgets of one name is counted once. With other credits a budget has the same name, and goes on counting. */
export function nameOfBudget({ per, timeZone, group }: Named): string {
  return `${group === undefined ? 'account' : `group ${group}`} ${per} ${timeZone}`
}

/** The same of a key's own. */
function nameOfKeyBudget(keyId: string, { per, timeZone }: Named): string {
  return `key ${keyId} ${per} ${timeZone}`
}

export interface NamedBudget extends Budget {
  readonly name: string
}

/** `the budget of the group team-a per day (Europe/Berlin)`, of a budget's name. */
export function budgetWords(name: string): string {
  const [, scope = '', per = '', timeZone = ''] = /^(.+) (day|week|month) (\S+)$/.exec(name) ?? []
  return `the budget of the ${scope.startsWith('key ') ? 'key' : scope} per ${per} (${timeZone})`
}

/** The budgets of an account, those of its groups included, and a key's own, each with its name. */
export function namedBudgets(
  ofAccount: readonly Budget[],
  key: { readonly keyId: string; readonly budgets: readonly KeyBudget[] },
): readonly NamedBudget[] {
  return [
    ...ofAccount.map((budget) => ({ ...budget, name: nameOfBudget(budget) })),
    ...key.budgets.map((budget) => ({ ...budget, name: nameOfKeyBudget(key.keyId, budget) })),
  ]
}

/** What a key's purchases count in: those of its account, of its group, and its own. */
export function budgetsOfKey(
  ofAccount: readonly Budget[],
  key: Parameters<typeof namedBudgets>[1] & { readonly group: string | null },
): readonly NamedBudget[] {
  return namedBudgets(ofAccount, key).filter(
    ({ group }) => group === undefined || group === key.group,
  )
}
