/** Prints operator keys, and the text of a new one. */
import type { IssuedOperatorKey, OperatorKeyView } from '../../management/manage-operator-keys.ts'
import { bold, dim, say, table, time } from '../output.ts'

export function printOperatorKeys(keys: readonly OperatorKeyView[]): void {
  if (keys.length === 0) {
    say(dim('No operator keys.'))
    return
  }
  table(
    ['Operator key', 'Display', 'Name', 'Role', 'State', 'Expires (UTC)', 'Old secret until (UTC)'],
    keys.map(({ id, display, name, role, state, expiresAt, previousUntil }) => [
      ...[id, display, name, role, state, time(expiresAt)],
      previousUntil && time(previousUntil),
    ]),
  )
}

export function printIssuedOperatorKey({ key, view }: IssuedOperatorKey): void {
  say(
    `${bold(key)}\n${dim('This is the operator key. It is printed this once, and kept nowhere.')}\n`,
  )
  printOperatorKeys([view])
}
