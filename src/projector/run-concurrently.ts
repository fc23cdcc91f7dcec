/** Runs several jobs along the same log, two at a time, with one progress for all of them. */
import pMap from 'p-map'
import type { Progress } from './progress.ts'

/** More jobs at once would only take turns on the processors that PostgreSQL and its readers have. */
const concurrency = 2

export interface Job<T> {
  readonly name: string
  /** The heaviest job begins first: begun last, it would run alone at the end. */
  readonly weight: number
  readonly work: (progress: Progress) => Promise<T>
}

/** Resolves with the results in the order of the jobs. Progress is the sum over all jobs. */
export async function runConcurrently<T>(
  what: string,
  jobs: readonly Job<T>[],
  progress: Progress = () => {},
): Promise<T[]> {
  const progressOf = sumProgress(what, jobs.length, progress)
  const results: T[] = []
  const heaviestFirst = [...jobs.entries()].sort(([, a], [, b]) => b.weight - a.weight)
  await pMap(
    heaviestFirst,
    async ([index, { name, work }]) => {
      results[index] = await work(progressOf(name))
    },
    { concurrency },
  )
  return results
}

/** Gives each job a progress of its own and reports the sum of all of them. */
function sumProgress(what: string, jobCount: number, report: Progress) {
  const reached = new Map<string, { readonly total: number; readonly done: number }>()
  return (job: string): Progress =>
    (_, total, done) => {
      reached.set(job, { total, done })
      let [sumDone, sumTotal] = [0, 0]
      for (const each of reached.values()) {
        sumDone += each.done
        sumTotal += each.total
      }
      // A job that has not begun has about as far to go as this one.
      report(what, sumTotal + (jobCount - reached.size) * total, sumDone)
    }
}
