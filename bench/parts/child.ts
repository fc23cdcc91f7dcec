/**
 * Runs each part of a bench as a process of its own, so that no part is measured on another's
 * event loop, and ends it with the bench.
 */

import type { Subprocess } from 'bun'

/** A server in a process of its own; `await using` ends it. */
export interface Part extends AsyncDisposable {
  /** Origin without a slash at the end. */
  readonly url: string
  readonly pid: number
  /** Ends the process and waits for it. */
  stop(): Promise<void>
}

/** A process that responds to requests, one at a time. */
export interface Script extends Part {
  /** @throws when it does not respond within a minute */
  ask(question: string): Promise<unknown>
}

/** Starts a script that prints its URL as its first line; throws when it ends before that. */
export async function startScript(path: string, args: readonly string[] = []): Promise<Script> {
  let heard: (reply: unknown) => void = () => {}
  const child = Bun.spawn([process.execPath, path, ...args], {
    stdout: 'pipe',
    stderr: 'inherit',
    ipc: (reply) => heard(reply),
  })
  const stop = endWithUs(child)
  const reader = child.stdout.getReader()
  const decoder = new TextDecoder()
  let printed = ''
  while (!printed.includes('\n')) {
    const { value, done } = await reader.read()
    if (done) throw new Error(`${path} ended with status ${await child.exited} before it was ready`)
    printed += decoder.decode(value, { stream: true })
  }
  const url = printed.slice(0, printed.indexOf('\n')).trim()
  const ask = (question: string) =>
    new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${path} does not respond`)), 60_000)
      heard = (reply) => {
        clearTimeout(timer)
        resolve(reply)
      }
      child.send(question)
    })
  return { url, pid: child.pid, ask, stop, [Symbol.asyncDispose]: stop }
}

/** Kills the child when this process exits; returns what ends it before, and waits for it. */
export function endWithUs(child: Subprocess): () => Promise<void> {
  const kill = () => child.kill('SIGTERM')
  process.on('exit', kill)
  return async () => {
    kill()
    await child.exited
    process.off('exit', kill)
  }
}
