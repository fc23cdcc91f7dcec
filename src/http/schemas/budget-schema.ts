/** Budgets of accounts, groups and keys, in responses and in requests. */
import { t } from 'elysia'
import { groupPattern } from '../../../events/budget.ts'
import { closed, integer, monthlyCredits } from './fields.ts'

const text = t.String()

/** In responses. */
export const keyBudgetFields = {
  credits: integer(),
  per: text,
  timeZone: text,
  warnsOnly: t.Optional(t.Literal(true)),
}

export const budgetFields = { ...keyBudgetFields, group: t.Optional(text) }

/** The name of a group of keys. */
export const group = t.String({
  pattern: groupPattern,
  title: 'a name of letters, digits, ".", "_" and "-"',
})

const fields = {
  credits: monthlyCredits,
  per: t.Union([t.Literal('day'), t.Literal('week'), t.Literal('month')], {
    title: 'day, week or month',
    description: 'A week begins on Monday.',
  }),
  timeZone: t.String({
    pattern: '^[A-Z][A-Za-z0-9_+/-]{0,63}$',
    title: 'a time zone such as Europe/Berlin',
  }),
  warnsOnly: t.Optional(
    t.Literal(true, { description: 'It refuses nothing, and is shown to be exceeded.' }),
  ),
}

const all = {
  title: 'a list of budgets',
  description: 'All of them, in place of those before. What is used from then on counts.',
}

/** In requests: all budgets of an account and of its groups. */
export const budgets = t.Array(closed({ ...fields, group: t.Optional(group) }), all)
/** In requests: all budgets of a key's own. */
export const keyBudgets = t.Array(closed(fields), all)
