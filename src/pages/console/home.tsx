/** Where an operator begins: what needs action, a call by its id, and the day. */
import { useMemo } from 'preact/hooks'
import { Chart } from '../shared/chart.tsx'
import { usePage } from '../shared/context.ts'
import { FindCall } from '../shared/find-call.tsx'
import { count, dayText, timeText, toNumber, total } from '../shared/format.ts'
import { Link } from '../shared/link.tsx'
import { Empty, Loaded, Panel, Stored, Table } from '../shared/parts.tsx'
import { useData } from '../shared/use-data.ts'
import type { AccountPage, AdminPrices, Health, HourlyUsage, RefusedKey } from './types.ts'

export function HomePage() {
  return (
    <>
      <h1>Home</h1>
      <NeedsAction />
      <FindCall calls="/console/calls" />
      <Today />
      <RefusedMost />
    </>
  )
}

/** So far behind the log, what pages show is no longer of now. */
const lagSeconds = 60

function NeedsAction() {
  const { api } = usePage()
  const found = useData(async () => {
    const [owing, frozen, prices, { health }] = await Promise.all([
      api.get<AccountPage>('/admin/accounts?owes=true&limit=10'),
      api.get<AccountPage>('/admin/accounts?state=frozen&limit=1'),
      api.get<AdminPrices>('/admin/prices'),
      api.get<{ health: Health }>('/admin/health'),
    ])
    return { owing, frozen, prices, health }
  }, [api])
  return (
    <Panel title="What needs action">
      <Loaded data={found} height="low">
        {({ owing, frozen, prices, health }) => {
          const lagging = health.projections.filter(({ seconds }) => seconds > lagSeconds)
          const items = [
            ...health.shards.flatMap(({ shard, divergence }) =>
              divergence === null
                ? []
                : [
                    <>
                      Shard {shard} is not the log that a gateway has seen, and sells nothing:{' '}
                      <Stored text={divergence} />. <Link to="/console/health">Health</Link>
                    </>,
                  ],
            ),
            !prices.current && (
              <>
                No prices are in force, and nothing is sold.{' '}
                <Link to="/console/prices">Prices</Link>
              </>
            ),
            owing.total > 0 && (
              <>
                {count(owing.total, 'account owes', 'accounts owe')} credits.{' '}
                <Link to="/console/accounts?state=owes">Show them</Link>
              </>
            ),
            frozen.total > 0 && (
              <>
                {count(frozen.total, 'account is', 'accounts are')} frozen.{' '}
                <Link to="/console/accounts?state=frozen">Show them</Link>
              </>
            ),
            lagging.length > 0 && (
              <>
                {count(lagging.length, 'projection is', 'projections are')} more than a minute
                behind the log. <Link to="/console/health">Health</Link>
              </>
            ),
            ...prices.announced.map(({ from }) => (
              <>
                Other prices come into force on {dayText(from)}.{' '}
                <Link to="/console/prices">What they change</Link>
              </>
            )),
          ].filter((item) => item)
          if (items.length === 0) return <p>Nothing.</p>
          return (
            <ul>
              {items.map((item, i) => (
                <li key={String(i)}>{item}</li>
              ))}
            </ul>
          )
        }}
      </Loaded>
    </Panel>
  )
}

const outcomes = [
  { outcome: 'charged', name: 'Sold', color: 1 },
  { outcome: 'free', name: 'Free', color: 2 },
  { outcome: 'failed', name: 'Failed', color: 3 },
  { outcome: 'refused', name: 'Refused', color: 5 },
] as const

function Today() {
  const { api } = usePage()
  const usage = useData(
    () =>
      api
        .get<{ usage: HourlyUsage }>('/admin/usage/hourly?by=hour&days=1')
        .then(({ usage }) => usage),
    [api],
  )
  return (
    <Panel title="Today (UTC), by hour">
      <Loaded data={usage} height="high">
        {(found) =>
          found.series.length === 0 ? (
            <Empty>Nobody has called today. Calls are drawn some seconds after they end.</Empty>
          ) : (
            <TodayChart usage={found} />
          )
        }
      </Loaded>
    </Panel>
  )
}

function TodayChart({ usage }: { usage: HourlyUsage }) {
  const { credits } = usePage()
  const { steps, series, p50, p99 } = usage
  const times = useMemo(() => steps.map((step) => Date.parse(step) / 1_000), [steps])
  const drawn = useMemo(
    () =>
      outcomes.map(({ outcome, name, color }) => ({
        ...{ name, color },
        figures: steps.map((_, step) =>
          series
            .filter((row) => row.outcome === outcome)
            .reduce((sum, row) => sum + toNumber(row.calls[step] ?? 0), 0),
        ),
      })),
    [usage],
  )
  const sums = drawn.map(({ name, figures }) => {
    const sum = figures.reduce((all, figure) => all + figure, 0)
    return `${sum.toLocaleString('en')} ${name.toLowerCase()}`
  })
  const last = (figures: readonly (number | null)[]) =>
    figures.findLast((figure) => figure !== null) ?? null
  const [half, most] = [last(p50), last(p99)]
  return (
    <Chart
      title="Calls today"
      sentence={`Calls: ${sums.join(', ')}; ${credits(total(usage.credits))} charged.${half === null ? '' : ` In the last hour with calls, half took ${half} ms at most, and 99 of 100 took ${most} ms.`}`}
      times={times}
      series={drawn}
      shape="bars"
      figureText={(figure) => count(figure, 'call')}
      axisText={(figure) => figure.toLocaleString('en')}
      stepText={(seconds) => timeText(new Date(seconds * 1_000).toISOString())}
    />
  )
}

function RefusedMost() {
  const { api } = usePage()
  const refusals = useData(
    () => api.get<{ refusals: RefusedKey[] }>('/admin/refusals?days=1&limit=10'),
    [api],
  )
  return (
    <Panel title="Whose calls were refused most today">
      <Loaded data={refusals} height="low">
        {({ refusals }) =>
          refusals.length === 0 ? (
            <Empty>No call of a known key was refused today.</Empty>
          ) : (
            <Table
              caption="Refused calls of today"
              rows={refusals}
              keyOf={({ keyId, reason }) => `${keyId} ${reason}`}
              columns={[
                {
                  head: 'Account',
                  cell: ({ accountId }) => (
                    <Link to={`/console/accounts/${accountId}`}>
                      <code>{accountId}</code>
                    </Link>
                  ),
                },
                { head: 'Key', cell: ({ keyId }) => <code>{keyId}</code> },
                { head: 'Why', cell: ({ reason }) => reason.replaceAll('_', ' ') },
                { head: 'Last', cell: ({ lastAt }) => timeText(lastAt) },
                { head: 'Calls', isFigure: true, cell: ({ calls }) => count(calls, 'call') },
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  )
}
