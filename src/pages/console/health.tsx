/** How the ledger, its gateways and its projections stand. */
import { usePage } from '../shared/context.ts'
import { count, timeText } from '../shared/format.ts'
import { Empty, Loaded, Panel, Stored, Table } from '../shared/parts.tsx'
import { useData } from '../shared/use-data.ts'
import type { Health } from './types.ts'

export function HealthPage() {
  const { api } = usePage()
  const health = useData(
    () => api.get<{ health: Health }>('/admin/health').then(({ health }) => health),
    [api],
  )
  return (
    <>
      <h1>Health</h1>
      <Loaded data={health} height="high">
        {({ readAt, shards, gateways, projections }) => (
          <>
            <Panel
              title="The log"
              aside={
                <button type="button" onClick={health.reload}>
                  Look again
                </button>
              }
            >
              <p class="note">As of {timeText(readAt)}.</p>
              <Table
                caption="Shards of the log"
                rows={shards}
                keyOf={({ shard }) => String(shard)}
                columns={[
                  { head: 'Shard', cell: ({ shard }) => shard },
                  {
                    head: 'Last event',
                    cell: ({ shard, position }) => <code>{`${shard}-${position}`}</code>,
                  },
                  { head: 'Recorded', cell: ({ recordedAt }) => timeText(recordedAt) },
                  {
                    head: 'State',
                    cell: ({ divergence }) =>
                      divergence === null ? 'as gateways saw it' : <Stored text={divergence} />,
                  },
                ]}
              />
            </Panel>
            <Panel title="Gateways of the last day">
              {gateways.length === 0 ? (
                <Empty curl="tollbook serve --plane calls">
                  No gateway has appended in the last day.
                </Empty>
              ) : (
                <Table
                  caption="Gateways of the last day"
                  rows={gateways}
                  keyOf={({ instance, shard }) => `${instance} ${shard}`}
                  columns={[
                    { head: 'Gateway', cell: ({ instance }) => <code>{instance}</code> },
                    { head: 'Shard', cell: ({ shard }) => shard },
                    { head: 'Appended last', cell: ({ appendedAt }) => timeText(appendedAt) },
                    {
                      head: 'State',
                      cell: ({ fencedAt }) =>
                        fencedAt === null ? 'may append' : `shut out at ${timeText(fencedAt)}`,
                    },
                  ]}
                />
              )}
            </Panel>
            <Panel title="Projections that follow the log">
              <Table
                caption="Projections that follow the log"
                rows={projections}
                keyOf={({ projection }) => projection}
                columns={[
                  { head: 'Projection', cell: ({ projection }) => projection },
                  { head: 'Behind', isFigure: true, cell: ({ events }) => count(events, 'event') },
                  {
                    head: 'For',
                    isFigure: true,
                    cell: ({ seconds }) => count(Math.round(seconds), 'second'),
                  },
                ]}
              />
            </Panel>
          </>
        )}
      </Loaded>
    </>
  )
}
