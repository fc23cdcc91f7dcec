/** What is left, how long it lasts, what it went to, and what needs attention. */
import { ApiError } from '../shared/api.ts'
import { Chart, type ChartSeries } from '../shared/chart.tsx'
import { usePage } from '../shared/context.ts'
import { count, dayText, total } from '../shared/format.ts'
import { colorOfKind, kindNames } from '../shared/kinds.ts'
import { Link } from '../shared/link.tsx'
import { Lots } from '../shared/lots.tsx'
import { Empty, Loaded, Panel, Table } from '../shared/parts.tsx'
import type { Account, Balance, History, Usage } from '../shared/types.ts'
import { useData } from '../shared/use-data.ts'
import { Warnings } from './warnings.tsx'

interface Home {
  readonly account: Account
  readonly balance: Balance
  readonly history: History
}

export function HomePage() {
  const { api } = usePage()
  const home = useData(async (): Promise<Home | null> => {
    try {
      const [{ account }, { balance }, { history }] = await Promise.all([
        api.get<{ account: Account }>('/account'),
        api.get<{ balance: Balance }>('/account/balance'),
        api.get<{ history: History }>('/account/balance/history'),
      ])
      return { account, balance, history }
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null
      throw error
    }
  }, [api])
  return (
    <>
      <h1>Home</h1>
      <Loaded data={home} height="high">
        {(found) => (found ? <WithAccount {...found} /> : <NoAccount />)}
      </Loaded>
    </>
  )
}

function NoAccount() {
  return (
    <Panel title="Welcome">
      <Empty>
        You have no account yet: your first key opens it.{' '}
        <Link to="/portal/keys">Create a key</Link>
      </Empty>
    </Panel>
  )
}

function WithAccount({ account, balance, history }: Home) {
  return (
    <>
      <Warnings account={account} balance={balance} history={history} />
      <Runway account={account} balance={balance} history={history} />
      <ThisMonth month={balance.allowance.month} />
    </>
  )
}

function Runway({ account, balance, history }: Home) {
  const { credits, figure } = usePage()
  const { forecast, days } = history
  const times = [...days, ...(forecast?.days ?? [])].map((day) => Date.parse(day) / 1_000)
  const lapses = forecast?.lapses ?? []
  const overage = overageOf(balance)
  const left = balance.lots.filter(({ available }) => available > 0)
  return (
    <Panel title="Credits left" aside={<span class="note">Plan {account.plan}</span>}>
      <p class="large">{credits(balance.available)}</p>
      {overage > 0 && <p>Overage among them, billed as it is used: {credits(overage)}.</p>}
      <p>{lastingText(history, credits)}</p>
      {left.length > 0 && <Lots lots={left} />}
      <Chart
        title="Credits left, by kind"
        sentence={
          <>
            Credits left at the end of each day, over the last {days.length} days
            {forecast && ' and as far as they are expected to last'}. {lapsesText(lapses, credits)}
          </>
        }
        times={times}
        series={seriesOf(history)}
        shape="areas"
        figureText={credits}
        axisText={figure}
        stepText={(seconds) => dayText(new Date(seconds * 1_000).toISOString())}
        marks={lapses.map(({ at, kind }) => ({ at: Date.parse(at) / 1_000, text: kind }))}
      />
    </Panel>
  )
}

function overageOf({ lots, overageDue }: Home['balance']): number {
  const ofMonth = lots.filter(({ kind }) => kind === 'overage')
  return ofMonth.reduce((sum, { available }) => sum + available, overageDue)
}

function lastingText(
  { chargedPerDay, forecast }: History,
  credits: (sum: number) => string,
): string {
  if (chargedPerDay === null || !forecast) {
    return 'How long they last can be told after three days of use.'
  }
  if (chargedPerDay === 0) return 'Nothing was charged in the last days.'
  const pace = `At ${credits(Math.round(chargedPerDay))} a day, as in the last days, they last`
  if (forecast.lastsUntil === null) return `${pace} for more than ${forecast.days.length} days.`
  return `${pace} until ${dayText(forecast.lastsUntil)}.`
}

function lapsesText(
  lapses: NonNullable<History['forecast']>['lapses'],
  credits: (sum: number) => string,
): string {
  return lapses
    .map(
      ({ at, kind, credits: lost }) =>
        `${credits(lost)} (${kindNames[kind] ?? kind}) will lapse on ${dayText(at)} if they are not used.`,
    )
    .join(' ')
}

/** What is known, and hatched what is expected, each kind in its colour; what is drawn on last lies at the bottom. */
function seriesOf({ days, kinds, forecast }: History): ChartSeries[] {
  const ahead = forecast?.days.length ?? 0
  const known = kinds.map(({ kind, credits }) => ({
    ...{ name: kindNames[kind] ?? kind, color: colorOfKind(kind) },
    figures: [...credits, ...Array.from({ length: ahead }, () => null)],
  }))
  const expected = (forecast?.kinds ?? []).map(({ kind, credits }) => ({
    ...{ name: `${kindNames[kind] ?? kind}, expected`, color: colorOfKind(kind) },
    figures: [...days.map(() => null), ...credits],
    isForecast: true,
  }))
  return [...known, ...expected]
}

/** @param month the ledger's */
function ThisMonth({ month }: { month: string }) {
  const { api, credits } = usePage()
  const usage = useData(
    () =>
      api
        .get<{ usage: Usage }>(`/account/usage?group=route&from=${month}-01`)
        .then(({ usage }) => usage),
    [api, month],
  )
  return (
    <Panel title="This month, by route" aside={<Link to="/portal/usage">All usage</Link>}>
      <Loaded data={usage} height="low">
        {({ series, total: all }) =>
          series.length === 0 ? (
            <Empty curl={`curl -s ${location.origin}/v1/key -H 'X-API-Key: YOUR_KEY'`}>
              No calls this month yet. With a key, a program can ask what it may do; the API
              documentation at <a href="/docs">/docs</a> has a line for each call.
            </Empty>
          ) : (
            <>
              <p>
                {credits(all.credits)} for {count(all.calls, 'call')}.
              </p>
              <Table
                caption="This month, by route"
                rows={series}
                keyOf={({ name }) => name ?? ''}
                columns={[
                  { head: 'Route', cell: ({ name }) => name ?? 'All others' },
                  {
                    head: 'Share',
                    cell: (row) => (
                      <meter
                        min={0}
                        max={Number(all.credits) || 1}
                        value={Number(total(row.credits))}
                        aria-label={`Share of ${row.name ?? 'all others'}`}
                      />
                    ),
                  },
                  { head: 'Calls', isFigure: true, cell: (row) => count(total(row.calls), 'call') },
                  { head: 'Charged', isFigure: true, cell: (row) => credits(total(row.credits)) },
                ]}
              />
            </>
          )
        }
      </Loaded>
    </Panel>
  )
}
