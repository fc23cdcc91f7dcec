/** Options that several commands about keys take. */

export const keyArg = {
  key: { type: 'positional', required: true, description: 'Key id (key_…)' },
} as const

/** Whose: a user, an organisation. */
export const ownerArgs = {
  user: { type: 'string', valueHint: 'ID', description: 'The user who owns it, as in the tokens' },
  organisation: { type: 'string', valueHint: 'ID', description: 'Or the organisation that does' },
} as const
