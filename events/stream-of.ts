import { entryOf } from './event-types.ts'

/**
 * The stream an event belongs to: `account-<id>`, `key-<id>`, `credits-<accountId>`, `tariffs`, `operators` or `ledger`; `unknown` for a type
 * that the catalogue does not have, so that whoever reads a log can read all of it.
 */
export function streamOf(event: {
  type: string
  accountId: string | null
  keyId: string | null
}): string {
  const stream = entryOf(event.type)?.stream
  switch (stream) {
    case 'account':
      return `account-${event.accountId}`
    case 'key':
      return `key-${event.keyId}`
    case 'credits':
      return `credits-${event.accountId}`
    case 'tariffs':
    case 'operators':
    case 'ledger':
      return stream
    case undefined:
      return 'unknown'
    default:
      return stream satisfies never
  }
}
