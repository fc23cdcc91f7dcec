/** Lots of credits: what is left of each, and until when. */
import { usePage } from './context.ts'
import { timeText } from './format.ts'
import { kindNames } from './kinds.ts'
import { Table } from './parts.tsx'
import type { Balance } from './types.ts'

/** @param lots in the order in which they are drawn on */
export function Lots({ lots }: Pick<Balance, 'lots'>) {
  const { credits } = usePage()
  return (
    <Table
      caption="Lots, in the order in which they are drawn on"
      rows={lots}
      keyOf={({ lot }) => lot}
      columns={[
        { head: 'Kind', cell: ({ kind }) => kindNames[kind] ?? kind },
        {
          head: 'Expires',
          cell: ({ expiresAt }) => (expiresAt === null ? 'never' : timeText(expiresAt)),
        },
        { head: 'Granted', isFigure: true, cell: ({ granted }) => credits(granted) },
        { head: 'Left', isFigure: true, cell: ({ available }) => credits(available) },
        { head: 'Lot', cell: ({ lot }) => <code>{lot}</code> },
      ]}
    />
  )
}
