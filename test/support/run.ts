// What one run of the tests starts for all its files (a PostgreSQL, a Redis) ends with the run.
//
// preload.ts calls `endRun` after the last test, passed or failed. A run that is killed, or left early by
// --bail, never gets there; for that each process has a guard: a shell that reads a pipe from us and acts
// when the pipe closes, which the operating system does however we end.

type Ending = () => Promise<void>

/** Names what this run makes on a server that others may be using too. */
export const runId = crypto.randomUUID().slice(0, 8)

const endings: Ending[] = []

/** Registers `ending`, to be awaited after the run's last test; the latest registered goes first. */
export function atEndOfRun(ending: Ending): void {
  endings.push(ending)
}

/** Runs every ending, even when one fails, and throws what failed. */
export async function endRun(): Promise<void> {
  const failures: unknown[] = []
  for (const ending of endings.splice(0).reverse()) {
    await ending().catch((error) => failures.push(error))
  }
  if (failures.length > 0) throw new AggregateError(failures, 'The run could not be ended cleanly.')
}

// $1: signal, $2: process, $3: folder or nothing. Ten seconds to end, then the folder goes all the same.
// The trap: when a test times out, Bun sends SIGTERM to all that its file has started.
const guardScript = `
  trap '' TERM
  cat >/dev/null
  kill -s "$1" "$2"
  for try in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$2" || break; sleep 1; done
  [ -z "$3" ] || rm -rf "$3"
`

// Referenced for as long as they live: a collected subprocess would close its pipe.
const guards = new Set<Bun.Subprocess>()

/**
 * Signals process `pid`, and removes `folder`, when the process that runs the tests ends without having
 * called the function returned, which calls the guard off.
 */
export function guardProcess(
  pid: number,
  signal: 'INT' | 'KILL',
  folder = '',
): () => Promise<void> {
  const guard = Bun.spawn(['sh', '-c', guardScript, 'guard', signal, String(pid), folder], {
    stdin: 'pipe',
    stdout: 'ignore',
    stderr: 'ignore',
    detached: true,
  })
  guard.unref()
  guards.add(guard)
  return async () => {
    guard.kill('SIGKILL')
    await guard.exited
    guards.delete(guard)
  }
}
