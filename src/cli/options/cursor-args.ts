/** Lists that are printed page by page. */
import { dim, formatNumber, say } from '../output.ts'
import { UsageError } from '../usage-error.ts'

/** @param what the list has, as `Keys` */
export function cursorArgs(what: string) {
  return {
    cursor: {
      type: 'string',
      valueHint: 'ID',
      description: 'Begin after this one, as the page before says at its end',
    },
    limit: { type: 'string', valueHint: 'N', description: `${what} on a page`, default: '50' },
  } as const
}

/** @throws UsageError where the cursor leads nowhere */
export function orBadCursor<T>(page: T | undefined): T {
  if (page !== undefined) return page
  throw new UsageError('--cursor names nothing in this list: begin again without it.')
}

export function printNextPage(printed: number, total: number, next: string | null): void {
  if (next === null) return
  say(dim(`${formatNumber(printed)} of ${formatNumber(total)}; --cursor ${next} shows the next.`))
}
