/** The kinds of lots, and what people call them. */
const kindOrder = ['allowance', 'trial', 'promotional', 'paid', 'overage']

/** The colour of a kind, the same in every chart. */
export const colorOfKind = (kind: string) => kindOrder.indexOf(kind) + 1 || 9

export const kindNames: Readonly<Record<string, string>> = {
  allowance: 'Allowance of the plan',
  paid: 'Paid credits',
  trial: 'Trial credits',
  promotional: 'Promotional credits',
  overage: 'Overage, billed as it is used',
}
