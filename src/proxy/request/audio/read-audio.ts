/**
 * How long an audio file lasts.
 *
 * Files come from strangers, and some take long to read. So a thread of its own reads them, one at a time, with a timeout that
 * grows with the file. A thread that misses it is ended and replaced. The result decides prices and must not depend on the load,
 * so the timeout is several times what an honest file takes.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Counted } from './counted.ts'

/** Empty for a file that cannot be read. */
type Audio = Partial<Counted>

const minTimeoutMs = 500
const timeoutMsPerMiB = 80

let worker: Promise<Worker> | undefined
let previous: Promise<unknown> = Promise.resolve()

/** Reads a file. The bytes are handed over to the thread: the array that was passed is empty afterwards. */
export function readAudio(bytes: Uint8Array): Promise<Audio> {
  // The time spent waiting for other files is not counted against this one.
  const audio = previous.then(() => readNow(bytes))
  previous = audio
  return audio
}

async function readNow(bytes: Uint8Array): Promise<Audio> {
  const timeoutMs = minTimeoutMs + (timeoutMsPerMiB * bytes.length) / 1_048_576
  worker ??= startWorker()
  let thread: Worker
  try {
    thread = await worker
  } catch {
    worker = undefined
    return {}
  }
  // Without it a process that is otherwise done would end before the reply, or never.
  thread.ref()
  thread.postMessage(bytes, [bytes.buffer as ArrayBuffer])
  try {
    return (await nextMessage(thread, timeoutMs)) as Audio
  } catch {
    worker = undefined
    thread.terminate()
    return {}
  } finally {
    thread.unref()
  }
}

async function startWorker(): Promise<Worker> {
  const thread = new Worker(new URL('./audio-worker.ts', import.meta.url))
  await nextMessage(thread, 10_000)
  return thread
}

/** The thread's next message; rejects when it fails or takes longer. */
async function nextMessage(thread: Worker, timeoutMs: number): Promise<unknown> {
  const [message] = await once(thread, 'message', { signal: AbortSignal.timeout(timeoutMs) })
  return message
}
