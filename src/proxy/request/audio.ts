/**
 * How long an audio file lasts, by its header.
 *
 * Files come from strangers, and parsing one can take minutes or never end (25 MB of 0xFF: 35 s in which nothing else
 * runs). So a thread of its own reads them, one at a time, with a timeout that grows with the file. A thread that misses
 * it is ended and replaced. The result decides prices and must not depend on the load, so the timeout is several times
 * what an honest file takes.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

export interface AudioFile {
  readonly bytes: Uint8Array
  readonly mimeType: string
}

/** Both absent for a file that cannot be read. */
export interface Audio {
  /** What kind of file it is, by its content. */
  readonly container?: string
  /** Greater than 0. */
  readonly seconds?: number
}

const minTimeoutMs = 500
const timeoutMsPerMiB = 80

let worker: Promise<Worker> | undefined
let previous: Promise<unknown> = Promise.resolve()

/** Reads a file's header. The bytes are handed over to the thread: the array that was passed is empty afterwards. */
export function readAudio(file: AudioFile): Promise<Audio> {
  // The time spent waiting for other files is not counted against this one.
  const audio = previous.then(() => readNow(file))
  previous = audio
  return audio
}

async function readNow({ bytes, mimeType }: AudioFile): Promise<Audio> {
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
  thread.postMessage({ bytes, mimeType } satisfies AudioFile, [bytes.buffer as ArrayBuffer])
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
