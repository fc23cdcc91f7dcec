/** The kinds of lots in the order in which they are drawn on, and what people call them. */
export const kindOrder = ['allowance', 'promotional', 'paid']

export const kindNames: Readonly<Record<string, string>> = {
  allowance: 'Allowance of the plan',
  paid: 'Paid credits',
  promotional: 'Promotional credits',
}
