/** What one tariff changes in another, field by field. */
import { Empty, Stored, Table } from '../shared/parts.tsx'
import type { PriceChange } from './types.ts'

export function PriceChanges(props: { changes: readonly PriceChange[]; caption: string }) {
  const { changes, caption } = props
  if (changes.length === 0) return <Empty>Nothing: it says the same as the one before.</Empty>
  return (
    <Table
      caption={caption}
      rows={changes}
      keyOf={({ path }) => path}
      columns={[
        { head: 'What', cell: ({ path }) => <Stored text={path} /> },
        { head: 'Before', cell: ({ before }) => <Stored text={shown(before)} /> },
        { head: 'After', cell: ({ after }) => <Stored text={shown(after)} /> },
      ]}
    />
  )
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
