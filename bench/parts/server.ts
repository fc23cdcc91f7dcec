/**
 * The PostgreSQL of a bench: the one of DATABASE_URL, or an embedded one that ends with the bench, however
 * that ends, and leaves nothing behind.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts'
import { postmasterOf } from './postgres-use.ts'

export interface BenchServer {
  /** A superuser's. */
  readonly url: string
  /** The server's first process, where it is on this machine. */
  readonly pid?: number
  stop(): Promise<void>
}

/** What stops each server of ours that runs. */
const running = new Set<() => Promise<void>>()

export async function startServer(): Promise<BenchServer> {
  const installed = process.env.DATABASE_URL
  if (installed) {
    const isHere = ['127.0.0.1', 'localhost', '::1'].includes(new URL(installed).hostname)
    const pid = isHere ? await postmasterOf(installed) : undefined
    return { url: installed, ...(pid && { pid }), stop: async () => {} }
  }
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-bench-'))
  // Started by root, PostgreSQL runs as another user; who must get at its files in here.
  chmodSync(folder, 0o711)
  const { url, pid, stop } = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') })
  const stopAndClear = async () => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
    running.delete(stopAndClear)
  }
  if (running.size === 0) stopOnSignals()
  running.add(stopAndClear)
  return { url, pid, stop: stopAndClear }
}

/** A signal stops them all before it ends the bench. */
function stopOnSignals(): void {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(signal, () => {
      void Promise.allSettled([...running].map((stop) => stop())).finally(() =>
        process.exit(status),
      )
    })
  }
}
