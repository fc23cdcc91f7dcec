/** The argument of the commands about one key. */

export const keyArg = {
  key: { type: 'positional', required: true, description: 'Key id (key_…)' },
} as const
