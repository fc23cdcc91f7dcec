/** What was used over time, in all and by key, route, model or outcome. */
import { useMemo, useState } from 'preact/hooks'
import { Chart } from '../shared/chart.tsx'
import { usePage } from '../shared/context.ts'
import { count, dayText, timeText, toNumber, total } from '../shared/format.ts'
import { Choice, Empty, Loaded, Panel, Stored, Table } from '../shared/parts.tsx'
import type { Key, Usage } from '../shared/types.ts'
import { useData } from '../shared/use-data.ts'

const spans = [
  { name: 'Today', days: 1, by: 'hour' },
  { name: 'Last 7 days', days: 7, by: 'hour' },
  { name: 'Last 30 days', days: 30, by: 'day' },
  { name: 'Last 90 days', days: 90, by: 'day' },
  { name: 'Last 12 months', days: 365, by: 'day' },
] as const

const groups = [
  { id: 'all', name: 'In all' },
  { id: 'key', name: 'By key' },
  { id: 'route', name: 'By route' },
  { id: 'model', name: 'By model' },
  { id: 'outcome', name: 'By outcome' },
] as const

const figures = [
  { id: 'credits', name: 'Credits' },
  { id: 'calls', name: 'Calls' },
  { id: 'failed', name: 'Failed calls' },
  { id: 'refused', name: 'Refused calls' },
] as const

type Group = (typeof groups)[number]['id']
type Figure = (typeof figures)[number]['id']

export function UsagePage() {
  const { api } = usePage()
  const [span, setSpan] = useState(2)
  const [group, setGroup] = useState<Group>('route')
  const [figure, setFigure] = useState<Figure>('credits')
  const [keyId, setKeyId] = useState('')
  const keys = useData(() => api.get<{ apiKeys: Key[] }>('/api-keys?limit=200'), [api])
  const usage = useData(() => {
    const { days, by } = spans[span] ?? spans[2]
    const query = new URLSearchParams({ group, by, days: String(days) })
    if (keyId !== '') query.set('keyId', keyId)
    return api.get<{ usage: Usage }>(`/account/usage?${query}`).then(({ usage }) => usage)
  }, [api, span, group, keyId])
  const nameOf = useMemo(() => {
    const names = new Map(keys.value?.apiKeys.map(({ id, name }) => [id, name]))
    return (name: string | null) =>
      name === null ? 'All others' : (names.get(name) ?? wordOf(name))
  }, [keys.value])
  return (
    <>
      <h1>Usage</h1>
      <form class="choices" onSubmit={(event) => event.preventDefault()}>
        <Choice
          label="Time"
          value={String(span)}
          options={spans.map(({ name }, i) => [String(i), name])}
          onChoose={(value) => setSpan(Number(value))}
        />
        <Choice
          label="Series"
          value={group}
          options={groups.map(({ id, name }) => [id, name])}
          onChoose={(value) => setGroup(value as Group)}
        />
        <Choice
          label="Figure"
          value={figure}
          options={figures.map(({ id, name }) => [id, name])}
          onChoose={(value) => setFigure(value as Figure)}
        />
        <Choice
          label="Key"
          value={keyId}
          options={[
            ['', 'All keys'],
            ...(keys.value?.apiKeys ?? []).map(({ id, name }): [string, string] => [id, name]),
          ]}
          onChoose={setKeyId}
        />
      </form>
      <Panel title={figures.find(({ id }) => id === figure)?.name ?? ''}>
        <Loaded data={usage} height="high">
          {(found) =>
            found.series.length === 0 ? (
              <Empty>Nothing was called in this time.</Empty>
            ) : (
              <UsageOver
                usage={found}
                figure={figure}
                nameOf={nameOf}
                isHourly={spans[span]?.by === 'hour'}
              />
            )
          }
        </Loaded>
      </Panel>
    </>
  )
}

function wordOf(name: string): string {
  if (name === '') return 'All'
  return name.replaceAll('_', ' ')
}

function UsageOver(props: {
  usage: Usage
  figure: Figure
  nameOf(name: string | null): string
  isHourly: boolean
}) {
  const { credits, figure: plain } = usePage()
  const { usage, figure, nameOf, isHourly } = props
  const { steps, series, total: all } = usage
  const figureText = (value: number | string) =>
    figure === 'credits' ? credits(value) : count(value, 'call')
  const times = useMemo(() => steps.map((step) => Date.parse(step) / 1_000), [steps])
  const drawn = useMemo(
    () =>
      series.map((row, i) => ({
        name: nameOf(row.name),
        color: row.name === null ? 9 : i + 1,
        figures: row[figure].map(toNumber),
      })),
    [series, figure, nameOf],
  )
  const step = (iso: string) => (isHourly ? timeText(iso) : dayText(iso))
  const [first = ''] = steps
  return (
    <>
      <p>
        {credits(all.credits)} for {count(all.calls, 'call')}, of which {count(all.failed, 'call')}{' '}
        failed and cost nothing; {count(all.refused, 'call')} refused.
      </p>
      <Chart
        title="Usage"
        sentence={`${figureText(all[figure])} since ${dayText(first)}, by ${isHourly ? 'hour' : 'day'} (UTC).`}
        times={times}
        series={drawn}
        shape="bars"
        figureText={figureText}
        axisText={(value) => (figure === 'credits' ? plain(value) : value.toLocaleString('en'))}
        stepText={(seconds) => step(new Date(seconds * 1_000).toISOString())}
      />
      <Table
        caption="Sums over this time"
        rows={series}
        keyOf={({ name }) => name ?? 'null'}
        columns={[
          { head: 'Name', cell: ({ name }) => <Stored text={nameOf(name)} /> },
          { head: 'Calls', isFigure: true, cell: (row) => number(total(row.calls)) },
          { head: 'Failed', isFigure: true, cell: (row) => number(total(row.failed)) },
          { head: 'Refused', isFigure: true, cell: (row) => number(total(row.refused)) },
          { head: 'Charged', isFigure: true, cell: (row) => credits(total(row.credits)) },
        ]}
      />
    </>
  )
}

const number = (sum: string) => BigInt(sum).toLocaleString('en')
