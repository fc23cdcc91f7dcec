/** What commands about one account take. */

export const accountArg = {
  account: { type: 'positional', required: true, description: 'Account id (acc_…)' },
} as const
