/**
 * The network of the machines: a bridge, etcd's addresses on it, and a namespace for each PostgreSQL server, which can be
 * cut off. The whole of it lies in the namespace in which this process runs (enclosed.sh) and ends with it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const etcdNames = ['etcd-1', 'etcd-2', 'etcd-3'] as const
export const serverNames = ['db-1', 'db-2', 'db-3'] as const
export type ServerName = (typeof serverNames)[number]

const bridge = 'bridge'
const own = '10.0.0.254'

/** Each machine's address. */
export const addresses: Readonly<Record<string, string>> = Object.fromEntries([
  ...serverNames.map((name, i) => [name, `10.0.0.${1 + i}`]),
  ...etcdNames.map((name, i) => [name, `10.0.0.${11 + i}`]),
])

/** @param folder for a table of names, which replaces the machine's in these mounts alone */
export async function makeNetwork(folder: string): Promise<void> {
  mkdirSync('/run/netns', { recursive: true })
  await run('mount', '-t', 'tmpfs', 'tmpfs', '/run/netns')
  const names = Object.entries(addresses).map(([name, address]) => `${address} ${name}\n`)
  const hosts = join(folder, 'hosts')
  writeFileSync(hosts, readFileSync('/etc/hosts', 'utf8') + names.join(''))
  await run('mount', '--bind', hosts, '/etc/hosts')
  await run('ip', 'link', 'set', 'lo', 'up')
  await run('ip', 'link', 'add', bridge, 'type', 'bridge')
  await run('ip', 'link', 'set', bridge, 'up')
  for (const address of [own, ...etcdNames.map((name) => addresses[name])]) {
    await run('ip', 'address', 'add', `${address}/24`, 'dev', bridge)
  }
  for (const name of serverNames) await addServer(name)
}

async function addServer(name: ServerName): Promise<void> {
  const inside = ['ip', '-n', name]
  await run('ip', 'netns', 'add', name)
  await run(
    'ip',
    'link',
    'add',
    `to-${name}`,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    name,
  )
  await run(...inside, 'address', 'add', `${addresses[name]}/24`, 'dev', 'eth0')
  await run(...inside, 'link', 'set', 'lo', 'up')
  await run(...inside, 'link', 'set', 'eth0', 'up')
  await run('ip', 'link', 'set', `to-${name}`, 'master', bridge, 'up')
}

/** The server's cable is pulled, or put back. Nobody is told. */
export function setCable(name: ServerName, state: 'up' | 'down'): Promise<string> {
  return run('ip', 'link', 'set', `to-${name}`, state)
}

/** The processes that run on a server. */
export async function processesOn(name: ServerName): Promise<number[]> {
  return (await run('ip', 'netns', 'pids', name)).split('\n').filter(Boolean).map(Number)
}

/** Runs a command to its end. @throws with what it said, when it fails */
export async function run(...command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  if ((await child.exited) !== 0) throw new Error(`${command.join(' ')}: ${errors || output}`)
  return output
}
