/** Events of the log in plain words. */
import { timeText } from '../shared/format.ts'
import { Link } from '../shared/link.tsx'
import { type Column, Stored, Table } from '../shared/parts.tsx'
import type { AuditedEvent } from './types.ts'

/**
 * @param isOfMany whether they are of several accounts, so that each names its own
 * @param isOfCall whether they are those of one call, so that none leads to it
 */
export function Events(props: {
  events: readonly AuditedEvent[]
  caption: string
  isOfMany?: boolean
  isOfCall?: boolean
}) {
  const columns: Column<AuditedEvent>[] = [
    { head: 'When', cell: ({ recordedAt }) => timeText(recordedAt) },
    { head: 'What', cell: (event) => <What event={event} isOfCall={props.isOfCall === true} /> },
    ...(props.isOfMany ? [{ head: 'Whose', cell: Whose }] : []),
    { head: 'By', cell: ({ actor }) => <Stored text={actor} /> },
    { head: 'Position', cell: ({ position }) => <code>{position}</code> },
  ]
  return (
    <Table
      caption={props.caption}
      rows={props.events}
      keyOf={({ position }) => position}
      columns={columns}
    />
  )
}

function What({ event, isOfCall }: { event: AuditedEvent; isOfCall: boolean }) {
  const { summary, reason, requestId } = event
  return (
    <span>
      <Stored text={summary} />
      {reason !== undefined && (
        <>
          {' '}
          <q>
            <Stored text={reason} />
          </q>
        </>
      )}
      {requestId !== null && !isOfCall && (
        <>
          {' '}
          (<Link to={`/console/calls/${requestId}`}>its call</Link>)
        </>
      )}
    </span>
  )
}

function Whose({ accountId }: AuditedEvent) {
  if (accountId === null) return 'nobody'
  return (
    <Link to={`/console/accounts/${accountId}`}>
      <code>{accountId}</code>
    </Link>
  )
}
