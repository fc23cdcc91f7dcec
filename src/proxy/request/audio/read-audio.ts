/**
 * How long an audio file lasts.
 *
 * Files come from strangers, and some take long to read. So a few threads read them, with a timeout that grows with the file. A
 * thread that misses it is ended and replaced. The result decides prices and must not depend on the load, so the timeout is several
 * times what an honest file takes. Accounts take turns: one that sends many files waits for its own, and leaves a thread to others.
 */
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Counted } from './counted.ts'
import { FairQueue } from './fair-queue.ts'

/** Empty for a file that cannot be read. */
type Audio = Partial<Counted>

const minTimeoutMs = 500
const timeoutMsPerMiB = 80

const queue = new FairQueue({
  maxRunning: Math.min(Math.max(availableParallelism(), 2), 4),
  maxWaiting: 16,
})
const idleThreads: Worker[] = []

/** Reads a file; undefined where too many of the account's wait. */
export function readAudio(bytes: Uint8Array, accountId: string): Promise<Audio> | undefined {
  return queue.add(accountId, () => readNow(bytes))
}

async function readNow(bytes: Uint8Array): Promise<Audio> {
  const timeoutMs = minTimeoutMs + (timeoutMsPerMiB * bytes.length) / 1_048_576
  let thread: Worker
  try {
    thread = idleThreads.pop() ?? (await startThread())
  } catch {
    return {}
  }
  // Without it a process that is otherwise done would end before the reply, or never.
  thread.ref()
  // A copy is handed over: the bytes themselves are sent to the upstream.
  const copy = new Uint8Array(bytes)
  thread.postMessage(copy, [copy.buffer])
  try {
    const audio = (await nextMessage(thread, timeoutMs)) as Audio
    idleThreads.push(thread)
    return audio
  } catch {
    thread.terminate()
    return {}
  } finally {
    thread.unref()
  }
}

async function startThread(): Promise<Worker> {
  const thread = new Worker(new URL('./audio-worker.ts', import.meta.url))
  await nextMessage(thread, 10_000)
  return thread
}

/** The thread's next message; rejects when it fails or takes longer. */
async function nextMessage(thread: Worker, timeoutMs: number): Promise<unknown> {
  const [message] = await once(thread, 'message', { signal: AbortSignal.timeout(timeoutMs) })
  return message
}
