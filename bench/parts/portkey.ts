/**
 * The gateway of @portkey-ai/gateway: what somebody would take who sells nothing, for it only passes calls on. It is no
 * dependency of this project: npm fetches it when it is asked for, into a folder that later runs find again.
 */
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endWithUs, type Part } from './child.ts'
import { freePort, waitUntilResponding } from './ports.ts'

/** The version whose headers these are. */
const version = '1.15.2'
export const portkeyName = `@portkey-ai/gateway ${version}, which only forwards`

/** By which it is told where a call goes. */
export function portkeyHeaders(upstream: string): Record<string, string> {
  return {
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${upstream}/v1`,
    Authorization: 'Bearer of-nobody',
  }
}

/** Starts it on Node.js; throws when npm cannot fetch it, or it does not respond within 15 s. */
export async function startPortkey(): Promise<Part> {
  const folder = join(tmpdir(), `tollbook-bench-portkey-${version}`)
  const script = join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js')
  if (!existsSync(script)) await install(folder)
  const port = freePort()
  const child = Bun.spawn(['node', script, `--port=${port}`, '--headless'], {
    env: { ...process.env, NODE_ENV: 'production' },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  const stop = endWithUs(child)
  const url = `http://127.0.0.1:${port}`
  try {
    await waitUntilResponding(url, () => child.exitCode === null, { name: 'portkey', seconds: 15 })
  } catch (error) {
    await stop()
    throw error
  }
  return { url, pid: child.pid, stop, [Symbol.asyncDispose]: stop }
}

async function install(folder: string): Promise<void> {
  console.error(`Fetching @portkey-ai/gateway ${version} from npm…`)
  const npm = Bun.spawn(
    [
      ...['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=dev'],
      ...['--prefix', folder, `@portkey-ai/gateway@${version}`],
    ],
    { stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' },
  )
  if ((await npm.exited) !== 0) throw new Error('npm did not install @portkey-ai/gateway')
}
