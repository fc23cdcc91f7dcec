/** What a past month would have cost under other prices: it is computed while one looks, and ends when one goes. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { formatMoney } from '../../lib/format-figures.ts'
import { ApiError } from '../shared/api.ts'
import { usePage } from '../shared/context.ts'
import { count, monthText } from '../shared/format.ts'
import { Link } from '../shared/link.tsx'
import { Choice, Empty, Failure, Stored, Table } from '../shared/parts.tsx'
import { asApiError } from '../shared/use-data.ts'
import type { Compared, DraftTariff, Simulation } from './types.ts'

interface Line {
  readonly progress?: number
  readonly simulation?: Simulation
  readonly problem?: string
}

type State =
  | { readonly is: 'none' }
  | { readonly is: 'running'; readonly part: number }
  | { readonly is: 'done'; readonly simulation: Simulation }
  | { readonly is: 'failed'; readonly error: ApiError }

/** @param tariff what is tried; another one is a component of its own */
export function SimulationOf({ tariff }: { tariff: DraftTariff }) {
  const { api } = usePage()
  const months = pastMonths()
  const [month, setMonth] = useState(months[1] ?? '')
  const [state, setState] = useState<State>({ is: 'none' })
  const running = useRef<AbortController>()
  const stop = () => running.current?.abort()
  useEffect(() => stop, [])
  const run = async () => {
    stop()
    running.current = new AbortController()
    const { signal } = running.current
    setState({ is: 'running', part: 0 })
    let isOver = false
    const follow = ({ progress, simulation, problem }: Line) => {
      if (signal.aborted) return
      isOver = progress === undefined
      if (simulation) setState({ is: 'done', simulation })
      else if (problem) setState({ is: 'failed', error: new ApiError(0, problem) })
      else setState({ is: 'running', part: progress ?? 0 })
    }
    try {
      await api.lines<Line>('/admin/simulations', { tariff, from: month }, follow, signal)
      if (!isOver) throw new ApiError(0, 'The gateway broke off.')
    } catch (failure) {
      if (!signal.aborted) setState({ is: 'failed', error: asApiError(failure) })
    }
  }
  const cancel = () => {
    stop()
    setState({ is: 'none' })
  }
  return (
    <>
      <div class="choices">
        <Choice
          label="Month"
          value={month}
          options={months.map((each) => [each, monthText(each)])}
          onChoose={setMonth}
        />
        {state.is === 'running' ? (
          <button type="button" onClick={cancel}>
            Stop it
          </button>
        ) : (
          <button type="button" onClick={run}>
            Simulate it
          </button>
        )}
      </div>
      {state.is === 'running' && (
        <label>
          Reading the log
          <progress value={state.part} max={1} />
        </label>
      )}
      {state.is === 'failed' && <Failure error={state.error} />}
      {state.is === 'done' && <Result {...state.simulation} />}
    </>
  )
}

/** This month and eleven before it, the newest first. */
function pastMonths(): string[] {
  const now = new Date()
  return Array.from({ length: 12 }, (_, i) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - i, 1)).toISOString().slice(0, 7),
  )
}

function Result({ from, final, totals, owners, ownerCount, unpriced }: Simulation) {
  const { credits } = usePage()
  const name = monthText(from)
  const pair = (
    { actual, simulated }: Compared['credits'],
    text: (sum: number | string) => string,
  ) => `${text(actual)} before, ${text(simulated)} with these`
  return (
    <div role="status">
      <p class="large">{pair(totals.credits, credits)}</p>
      {totals.fees.map(({ currency, ...fee }) => (
        <p key={currency}>
          Fees: {pair(fee, (minorUnits) => formatMoney({ minorUnits, currency }))}.
        </p>
      ))}
      {!final && <p>{name} is not final: it is not over, or calls of it are under way.</p>}
      {unpriced.length > 0 && (
        <p>
          Kept as they were, for they cannot be priced again:{' '}
          {unpriced
            .map(({ endpoint, calls }) => `${count(calls, 'call')} of ${endpoint}`)
            .join(', ')}
          .
        </p>
      )}
      {owners.length === 0 ? (
        <Empty>Nobody paid anything in {name}, and nobody would have.</Empty>
      ) : (
        <>
          <p class="note">
            {ownerCount > owners.length
              ? `Of ${count(ownerCount, 'account')} those that differ most.`
              : `${count(ownerCount, 'account')} in all.`}
          </p>
          <Table
            caption={`Accounts in ${name}, the largest difference first`}
            rows={owners}
            keyOf={({ accountId }) => accountId}
            columns={[
              {
                head: 'Account',
                cell: ({ accountId, owner }) => (
                  <Link to={`/console/accounts/${accountId}`}>
                    <Stored text={owner} />
                  </Link>
                ),
              },
              {
                head: 'Before',
                isFigure: true,
                cell: (of) => credits(of.credits.actual),
              },
              {
                head: 'With these',
                isFigure: true,
                cell: (of) => credits(of.credits.simulated),
              },
            ]}
          />
        </>
      )}
    </div>
  )
}
