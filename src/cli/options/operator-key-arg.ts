/** The argument of the commands about one operator key. */

export const operatorKeyArg = {
  key: { type: 'positional', required: true, description: 'Operator key id (opk_…)' },
} as const
