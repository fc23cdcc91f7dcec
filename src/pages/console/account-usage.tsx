/** What one account used over the last days, by what became of its calls. */
import { useMemo, useState } from 'preact/hooks'
import { Chart } from '../shared/chart.tsx'
import { usePage } from '../shared/context.ts'
import { count, dayText, timeText, toNumber } from '../shared/format.ts'
import { Choice, Empty, Loaded, Panel } from '../shared/parts.tsx'
import type { Usage } from '../shared/types.ts'
import { useData } from '../shared/use-data.ts'

const spans = [
  ['1', 'Today'],
  ['7', 'Last 7 days'],
  ['30', 'Last 30 days'],
  ['90', 'Last 90 days'],
] as const

/** @param path of the account */
export function AccountUsage({ path }: { path: string }) {
  const { api } = usePage()
  const [days, setDays] = useState('30')
  const by = Number(days) <= 7 ? 'hour' : 'day'
  const usage = useData(
    () => api.get<{ usage: Usage }>(`${path}/usage?group=route&by=${by}&days=${days}`),
    [api, path, days],
  )
  return (
    <Panel
      title="Calls"
      aside={<Choice label="Time" value={days} options={spans} onChoose={setDays} />}
    >
      <Loaded data={usage} height="high">
        {({ usage }) =>
          usage.series.length === 0 ? (
            <Empty>It called nothing in this time.</Empty>
          ) : (
            <UsageChart usage={usage} isHourly={by === 'hour'} />
          )
        }
      </Loaded>
    </Panel>
  )
}

function UsageChart({ usage, isHourly }: { usage: Usage; isHourly: boolean }) {
  const { credits } = usePage()
  const { steps, series, total } = usage
  const times = useMemo(() => steps.map((step) => Date.parse(step) / 1_000), [steps])
  const drawn = useMemo(
    () =>
      series.map(({ name, calls }, i) => ({
        ...{ name: name ?? 'All others', figures: calls.map(toNumber) },
        color: name === null ? 9 : i + 1,
      })),
    [series],
  )
  const text = (iso: string) => (isHourly ? timeText(iso) : dayText(iso))
  return (
    <Chart
      title="Calls by route"
      sentence={`${count(total.calls, 'call')} for ${credits(total.credits)}; ${count(total.failed, 'call')} failed, and ${count(total.refused, 'call')} refused.`}
      times={times}
      series={drawn}
      shape="bars"
      figureText={(figure) => count(figure, 'call')}
      axisText={(figure) => figure.toLocaleString('en')}
      stepText={(seconds) => text(new Date(seconds * 1_000).toISOString())}
    />
  )
}
