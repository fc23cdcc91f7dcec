/** Options that say whose calls a report is about: of an account, of a key, or of everyone. */
import { UsageError } from '../usage-error.ts'

export const subjectArgs = {
  account: { type: 'string', valueHint: 'ID', description: 'Account id (acc_…)' },
  key: {
    type: 'string',
    valueHint: 'ID',
    description: 'Key id (key_…): only the calls of this key',
  },
  test: { type: 'boolean', description: 'Test mode instead of live' },
} as const

export interface Subject {
  readonly accountId?: string
  readonly keyId?: string
  readonly mode?: 'test'
}

/** @returns undefined when no option names an account or a key */
export function subjectOf(args: {
  readonly account?: string | undefined
  readonly key?: string | undefined
  readonly test?: boolean | undefined
}): Subject | undefined {
  if (args.account && args.key) throw new UsageError('pass --account or --key, not both.')
  const mode = args.test ? ({ mode: 'test' } as const) : {}
  if (args.account) return { accountId: args.account, ...mode }
  return args.key ? { keyId: args.key, ...mode } : undefined
}

export function subjectUnknown(subject: Subject): UsageError {
  return new UsageError(`the ledger has no ${subjectName(subject)}.`)
}

/** `account acc_…` or `key key_…` */
export function subjectName({ accountId, keyId }: Subject): string {
  return keyId === undefined ? `account ${accountId}` : `key ${keyId}`
}
