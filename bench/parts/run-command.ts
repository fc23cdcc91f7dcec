/** Runs a command of the command line to its end, in a process of its own. */
import { join } from 'node:path'
import { endWithUs } from './child.ts'

/**
 * @param watch told which process it is
 * @throws when it fails
 */
export async function runCommand(
  words: readonly string[],
  url: string,
  watch: (pid: number) => void = () => {},
): Promise<void> {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, '../../src/cli/main.ts'), ...words, '--database', url],
    { stdout: 'inherit', stderr: 'inherit' },
  )
  const stop = endWithUs(child)
  watch(child.pid)
  const status = await child.exited
  await stop()
  if (status !== 0) throw new Error(`${words[0]} ended with status ${status}`)
}
