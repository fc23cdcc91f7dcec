/**
 * Simulations over HTTP. They read a whole month of the log, so a gateway computes one at a time, as one of the reports and over their
 * connections. What is done so far is sent line by line, and a simulation ends with the connection of whoever asked for it.
 */
import type { Tariff } from '../config/tariff.ts'
import { isStatementTimeout, isUnavailable } from '../ledger/unavailable.ts'
import { simulateTariff } from '../reports/simulate/simulate-tariff.ts'
import type { Simulation } from '../reports/simulate/simulation-shape.ts'
import { RequestRefused } from './errors/request-refused.ts'
import type { SharedReportQueue } from './report-queue.ts'
import type { ReportSource } from './report-source.ts'

interface SimulationWanted {
  readonly tariff: Tariff
  /** First and last month, `YYYY-MM`. */
  readonly from: string
  readonly to: string
}

export interface Simulations {
  /**
   * The lines of a simulation, as JSON: `{"progress": 0.25}` again and again, and at last `{"simulation": …}`, or `{"problem": …}`
   * where it could not be finished.
   *
   * @throws RequestRefused while another one runs
   */
  stream(wanted: SimulationWanted): ReadableStream<Uint8Array>
}

const maxMinutes = 10
/** A line is sent at least so often, so that nobody takes the connection for a dead one. */
const lineEveryMs = 2_000
/** More would make the response as large as the seller is. */
const maxOwners = 100

class Stopped extends Error {}

/** @param source of reports @param queue of those reports @param log gets the errors that clients do not learn */
export function openSimulations(
  source: ReportSource,
  queue: Pick<SharedReportQueue, 'inTurn'>,
  log: (message: string, error: unknown) => void,
): Simulations {
  let isRunning = false

  async function run(
    { tariff, from, to }: SimulationWanted,
    send: (line: object) => void,
    isStopped: () => boolean,
  ): Promise<void> {
    const until = performance.now() + maxMinutes * 60_000
    let progress = 0
    const timer = setInterval(() => send({ progress }), lineEveryMs)
    try {
      const report = (part: number) => {
        if (isStopped() || performance.now() > until) throw new Stopped()
        progress = Math.round(part * 1_000) / 1_000
        send({ progress })
      }
      const found = await queue.inTurn('simulation', async () => {
        report(0)
        return source.read((sql) => simulateTariff(sql, { tariff, from, to }, report))
      })
      send({ simulation: shown(found) })
    } catch (error) {
      if (error instanceof RequestRefused) return send({ problem: error.message })
      const isTooSlow = error instanceof Stopped || isStatementTimeout(error)
      if (!isTooSlow) log('a simulation failed', error)
      send({ problem: isTooSlow ? tooSlow : isUnavailable(error) ? away : failed })
    } finally {
      clearInterval(timer)
    }
  }

  return {
    stream(wanted) {
      if (isRunning) throw new RequestRefused({ code: 'conflict', detail: busy })
      isRunning = true
      let isStopped = false
      return new ReadableStream<Uint8Array>({
        start(controller) {
          const send = (line: object) => {
            if (!isStopped) controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`))
          }
          void run(wanted, send, () => isStopped).finally(() => {
            isRunning = false
            if (!isStopped) controller.close()
          })
        },
        cancel() {
          isStopped = true
        },
      })
    },
  }
}

const encoder = new TextEncoder()
const busy = 'Another simulation is being computed; one runs at a time.'
const tooSlow = `It took longer than ${maxMinutes} minutes: "tollbook simulate" has no such bound.`
const away = 'The ledger cannot be reached just now.'
const failed = 'The gateway failed.'

/** Without what concerns whoever writes the differences, which the command line does. */
function shown({ owners, externalId: _, ...simulation }: Simulation) {
  return {
    ...simulation,
    owners: owners.slice(0, maxOwners).map(({ committed: _, ...owner }) => owner),
    /** How many there are in all. */
    ownerCount: owners.length,
  }
}
