/** The checkouts of a comparison: this one and those of --against, each with a PostgreSQL server of its own. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { connect } from '../../src/ledger/connect.ts'
import { endWithUs } from '../parts/child.ts'
import { type BenchServer, startServer } from '../parts/server.ts'
import type { Bench } from '../suite/bench.ts'
import { linesOf, type Request, type Responses, readResponse } from './protocol.ts'

/** The contender that all others are compared with. */
export const thisCheckout = 'this checkout'

export interface Checkout {
  /** As a contender: `thisCheckout`, or its folder. */
  readonly name: string
  readonly folder: string
}

/** A checkout with a database that it has filled. */
export interface FilledCheckout extends Checkout {
  readonly server: BenchServer
  /** What its workers use the database by. */
  readonly ledger: unknown
  /** Leaves nothing for PostgreSQL to do later, when it would be taken for the cost of what is measured then. */
  tidy(): Promise<void>
}

/** A process that speaks for its checkout. */
export interface Worker extends AsyncDisposable {
  /** @throws when the task failed, or when the worker has ended */
  ask<Task extends Request['task']>(request: Request & { task: Task }): Promise<Responses[Task]>
}

/** @throws when a folder is no checkout that can be compared */
export function checkoutsOf(folders: readonly string[]): Checkout[] {
  const others = folders.map((folder, i) => {
    const same = folders.slice(0, i).filter((earlier) => earlier === folder).length
    if (!existsSync(join(folder, 'bench/worker.ts'))) {
      throw new Error(`--against ${folder}: there is no bench/worker.ts to compare with`)
    }
    return { name: same === 0 ? folder : `${folder} (${same + 1})`, folder: resolve(folder) }
  })
  return [{ name: thisCheckout, folder: join(import.meta.dir, '../..') }, ...others]
}

/**
 * Lets each checkout fill a database. Where PostgreSQL is ours, each has a server to itself: what one of them
 * leaves to do (a checkpoint, a projection that lags, a poll) then never costs another anything. What is opened
 * here ends with `started`.
 */
export async function fillEach(
  { against, serverUrl, postgresPid, sizes }: Bench,
  started: AsyncDisposableStack,
): Promise<FilledCheckout[]> {
  const filled: FilledCheckout[] = []
  for (const [n, checkout] of checkoutsOf(against).entries()) {
    const server =
      postgresPid === undefined
        ? { url: serverUrl, stop: async () => {} }
        : started.adopt(await startServer(), ({ stop }) => stop())
    const database = `tollbook_bench_against_${n}`
    console.error(`Filling a database with ${sizes.accounts} accounts by ${checkout.name}…`)
    await using worker = startWorker(checkout)
    const { accounts } = sizes
    const { ledger } = await worker.ask({ task: 'fill', server: server.url, database, accounts })
    const url = Object.assign(new URL(server.url), { pathname: `/${database}` }).href
    const sql = started.adopt(connect({ url, as: 'owner', max: 1 }), (each) => each.end())
    const tidy = async () => {
      await sql.unsafe('vacuum (analyze)')
      await sql.unsafe('checkpoint')
    }
    filled.push({ ...checkout, server, ledger, tidy })
  }
  return filled
}

export function startWorker({ name, folder }: Checkout): Worker {
  const command = [join(folder, 'tollbook'), 'bun', join(folder, 'bench/worker.ts')]
  const child = Bun.spawn(command, {
    ...{ cwd: folder, stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' },
  })
  const end = endWithUs(child)
  const lines = linesOf(child.stdout)
  return {
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`)
      await child.stdin.flush()
      const { value, done } = await lines.next()
      if (done) throw new Error(`${name} ended with status ${await child.exited}, unasked`)
      try {
        return readResponse(value)
      } catch (error) {
        throw new Error(`${name}: ${request.task}: ${(error as Error).message}`)
      }
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await child.exited
      await end()
    },
  }
}
