/**
 * How long an audio file lasts, by its header.
 *
 * Files come from strangers, and parsing one can take minutes or never end (25 MB of 0xFF: 35 s in
 * which nothing else runs). So it is done in a thread of its own, one file at a time, with a deadline
 * that grows with the file; a thread that misses it is ended and replaced. What is read here decides
 * prices, hence a deadline several times what an honest file takes: it must not depend on the load.
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

const deadlineMs = 500
const deadlineMsPerMiB = 80

let worker: Promise<Worker> | undefined
let previous: Promise<unknown> = Promise.resolve()

/** Reads a file's header. The bytes are handed over to the thread: the client's array is empty afterwards. */
export function readAudio(file: AudioFile): Promise<Audio> {
  // The time spent waiting for other files is not counted against this one.
  const audio = previous.then(() => readNow(file))
  previous = audio
  return audio
}

async function readNow({ bytes, mimeType }: AudioFile): Promise<Audio> {
  const allowedMs = deadlineMs + (deadlineMsPerMiB * bytes.length) / 1_048_576
  worker ??= startWorker()
  let thread: Worker
  try {
    thread = await worker
  } catch {
    worker = undefined
    return {}
  }
  // Else a process that is otherwise done would end before the answer, or never.
  thread.ref()
  thread.postMessage({ bytes, mimeType } satisfies AudioFile, [bytes.buffer as ArrayBuffer])
  try {
    return (await nextMessage(thread, allowedMs)) as Audio
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
async function nextMessage(thread: Worker, allowedMs: number): Promise<unknown> {
  const [message] = await once(thread, 'message', { signal: AbortSignal.timeout(allowedMs) })
  return message
}
