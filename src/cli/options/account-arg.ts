/** The argument of the commands about one account. */

export const accountArg = {
  account: { type: 'positional', required: true, description: 'Account id (acc_…)' },
} as const
