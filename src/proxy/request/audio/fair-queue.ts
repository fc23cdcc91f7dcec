/**
 * Jobs of many owners, of which a few run at a time. Each owner has one that runs at most, and the owners take turns: whoever
 * brings many jobs waits for his own.
 */

type Job = () => Promise<unknown>

interface Limits {
  /** How many run at a time, over all owners. */
  readonly maxRunning: number
  /** How many jobs of an owner wait beside the one that runs. */
  readonly maxWaiting: number
}

export class FairQueue {
  private readonly limits: Limits
  /** In the order in which the owners have their turn. */
  private readonly waiting = new Map<string, Job[]>()
  private readonly running = new Set<string>()

  constructor(limits: Limits) {
    this.limits = limits
  }

  /** Runs the job when it is its turn; undefined where too many of its owner wait. */
  add<Result>(owner: string, job: () => Promise<Result>): Promise<Result> | undefined {
    const jobs = this.waiting.get(owner) ?? []
    if (jobs.length >= this.limits.maxWaiting) return undefined
    return new Promise((resolve, reject) => {
      jobs.push(() => job().then(resolve, reject))
      this.waiting.set(owner, jobs)
      this.runNext()
    })
  }

  private runNext(): void {
    for (const [owner, jobs] of this.waiting) {
      if (this.running.size >= this.limits.maxRunning) return
      if (this.running.has(owner)) continue
      const job = jobs.shift()
      if (jobs.length === 0) this.waiting.delete(owner)
      if (job) this.run(owner, job)
    }
  }

  /** The owner's next turn comes behind those of the others. */
  private passTurn(owner: string): void {
    const jobs = this.waiting.get(owner)
    if (jobs === undefined) return
    this.waiting.delete(owner)
    this.waiting.set(owner, jobs)
  }

  private run(owner: string, job: Job): void {
    this.running.add(owner)
    void job().finally(() => {
      this.running.delete(owner)
      this.passTurn(owner)
      this.runNext()
    })
  }
}
