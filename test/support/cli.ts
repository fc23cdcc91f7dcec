/** The command line as its users run it: in a process of its own, in a folder where no `tollbook up` has been. */
import { join } from 'node:path'

export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  readonly database?: string
  readonly stdin?: string | undefined
  readonly env?: Readonly<Record<string, string>>
}

const program = join(import.meta.dir, '../../src/cli/main.ts')

/** Environment variables that would change what a command does. Tests must not inherit them. */
const own =
  /^(DATABASE_URL|REDIS_URL|JWT_|JWKS_|.*_SERVICE_URL$|API_KEY_PREFIX|ADMIN_|PORT$|BACKUP_|METRICS|GATEWAYS$|TRUSTED_PROXIES$|DRAIN|PG[A-Z])/

export function startCli(args: readonly string[], { database, env = {} }: CliOptions = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => !own.test(name))
  return Bun.spawn([process.execPath, program, ...args], {
    cwd: import.meta.dir,
    env: {
      ...Object.fromEntries(inherited),
      NO_COLOR: '',
      ...(database && { DATABASE_URL: database }),
      ...env,
    },
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  })
}

/** Runs a command to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<Ran> {
  const child = startCli(args, options)
  child.stdin.write(options.stdin ?? '')
  await child.stdin.end()
  const read = (stream: ReadableStream) => new Response(stream).text()
  const [stdout, stderr] = await Promise.all([read(child.stdout), read(child.stderr)])
  return { status: await child.exited, stdout, stderr }
}

/** Runs a command with --json, which must succeed. @returns the document that it printed */
export async function runJson<T = Json>(
  args: readonly string[],
  options: CliOptions = {},
): Promise<T> {
  const ran = await runCli([...args, '--json'], options)
  if (ran.status !== 0) throw new Error(`tollbook ${args.join(' ')}: ${ran.stderr}${ran.stdout}`)
  return JSON.parse(ran.stdout) as T
}

// biome-ignore lint/suspicious/noExplicitAny: tests read JSON as programs without types do.
type Json = any
