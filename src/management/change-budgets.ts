/** What an account's and a key's budgets have in common when they are changed. */
import { type Budget, nameOfBudget } from '../../events/budget.ts'
import { isTimeZone } from '../lib/time-zone.ts'
import { type Refused, refused } from './decision.ts'

export interface BudgetChange extends Omit<Budget, 'credits'> {
  /** null: the budget is taken away. */
  readonly credits: number | null
}

/** Each of them costs every call that counts in it a look. */
const maxBudgets = 20

/** One budget that refuses and one that only warns can have a name in common, for they count the same. */
function isAlike(a: Omit<Budget, 'credits'>, b: Omit<Budget, 'credits'>): boolean {
  return nameOfBudget(a) === nameOfBudget(b) && a.warnsOnly === b.warnsOnly
}

/** CET and its like are a zone to one reader and an offset without summer time to another, PostgreSQL. */
function isCalendar(timeZone: string): boolean {
  return isTimeZone(timeZone) && (timeZone === 'UTC' || timeZone.includes('/'))
}

/** Whether budgets can take the place of those before, and whether that changes anything. */
export function checkBudgets(
  before: readonly Budget[],
  budgets: readonly Budget[],
): { readonly isChanged: boolean } | Refused {
  // A zone that is not known any more keeps nobody from changing what stands beside it.
  const earlier = new Set(before.map(({ timeZone }) => timeZone))
  const unknown = budgets.findIndex(
    ({ timeZone }) => !(earlier.has(timeZone) || isCalendar(timeZone)),
  )
  if (unknown >= 0) {
    const field = `budgets/${unknown}/timeZone`
    return refused('time_zone_unknown', { field, expected: 'a name such as Europe/Berlin' })
  }
  const twice = budgets.findIndex((budget, i) =>
    budgets.slice(0, i).some((other) => isAlike(budget, other)),
  )
  if (twice >= 0) {
    const expected = 'one budget of each span, group and time zone'
    return refused('budget_twice', { field: `budgets/${twice}`, expected })
  }
  if (budgets.length > maxBudgets) {
    return refused('too_many_budgets', { field: 'budgets', expected: `at most ${maxBudgets}` })
  }
  return { isChanged: !Bun.deepEquals(budgets, before, true) }
}

/** The budgets with one of them changed, added or taken away. */
export function withBudget(budgets: readonly Budget[], change: BudgetChange): readonly Budget[] {
  const at = budgets.findIndex((budget) => isAlike(budget, change))
  const { credits, ...of } = change
  if (credits === null) return budgets.filter((_, i) => i !== at)
  return at < 0 ? [...budgets, { credits, ...of }] : budgets.with(at, { credits, ...of })
}
