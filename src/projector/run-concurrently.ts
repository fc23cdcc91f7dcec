/** Several pieces of work along the same log, two at a time, with one progress for all of them. */
import type { Progress } from './progress.ts'

/** More would only take turns on the processors that PostgreSQL and its readers have. */
const atOnce = 2

export interface Job<T> {
  readonly name: string
  /** Which is begun first: the heaviest, lest it be left to run alone at the end. */
  readonly weight: number
  readonly work: (progress: Progress) => Promise<T>
}

/** Answers in the order of the jobs; progress is the sum over all of them. */
export async function runConcurrently<T>(
  what: string,
  jobs: readonly Job<T>[],
  progress: Progress = () => {},
): Promise<T[]> {
  const reached = new Map<string, { total: number; done: number }>()
  const reporting = (name: string) => (_: string, total: number, done: number) => {
    reached.set(name, { total, done })
    let [sum, all] = [0, 0]
    for (const each of reached.values()) {
      sum += each.done
      all += each.total
    }
    // Those that have not begun have about as far to go as this one.
    progress(what, all + (jobs.length - reached.size) * total, sum)
  }
  const results: T[] = []
  const waiting = [...jobs.entries()].sort(([, a], [, b]) => b.weight - a.weight)
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [place, { name, work }] = next
      results[place] = await work(reporting(name))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}
