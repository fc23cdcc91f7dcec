/** Starts `tollbook serve` as a process of its own, and reads what it prints. */
import { join } from 'node:path'
import { until } from './until.ts'

export interface ServeProcess {
  readonly url: string
  readonly pid: number
  /** What it has printed so far, on stdout and stderr. */
  readonly printed: string
  /** The lines of its log so far. */
  readonly log: readonly Readonly<Record<string, unknown>>[]
  /** Resolves to its exit status when it has ended, for whatever reason. */
  readonly exited: Promise<number>
  /** Asks it to stop. Resolves to its exit status when it has stopped. */
  stop(): Promise<number>
}

const source = [process.execPath, join(import.meta.dir, '../../src/cli/main.ts')]

/**
 * The process ends with this one, whatever happens to it.
 *
 * @param env its whole environment, except for free ports
 * @param program the words that run `tollbook`, and the folder in which it runs
 * @param args more of the command line
 * @param servesSays the line of its log that says where it serves
 */
export async function startServe(
  env: Readonly<Record<string, string>>,
  { program = source, cwd = '.', args = [] as readonly string[], servesSays = 'serving' } = {},
): Promise<ServeProcess> {
  const child = Bun.spawn([...program, 'serve', '--host', '127.0.0.1', ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '', PORT: '0', METRICS_PORT: '0', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  let printed = ''
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder()
    for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
      printed += decoder.decode(chunk, { stream: true })
    }
  }
  const ended = Promise.all([read(child.stdout), read(child.stderr), child.exited])
  const lines = () => printed.split('\n').filter((line) => line.startsWith('{'))
  const serving = () => lines().find((line) => line.includes(`"${servesSays}"`))
  await until(() => serving() !== undefined || child.exitCode !== null)
  const line = serving()
  if (line === undefined) throw new Error(`it does not serve:\n${printed}`)
  return {
    url: JSON.parse(line).url,
    pid: child.pid,
    exited: ended.then(() => child.exitCode ?? -1),
    get printed() {
      return printed
    },
    get log() {
      return lines().map((text) => JSON.parse(text))
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
      return child.exitCode ?? -1
    },
  }
}
