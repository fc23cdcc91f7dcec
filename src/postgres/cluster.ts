// A cluster is what PostgreSQL calls one data directory with its databases. It is created at the first start, all of it
// or nothing, and opened at every later start.

import { randomBytes } from 'node:crypto'
import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type BundledPostgres, copyProgram, removeOldPrograms, spawnProgram } from './bundled.ts'
import { postmasterOf } from './postmaster.ts'
import type { ServerFolder, ServerUser } from './server-folder.ts'

export type Cluster = {
  /** PostgreSQL's data directory. */
  path: string
  folder: ServerFolder
  /** The folder of the `postgres` binary. */
  bin: string
  url(port: number): string
}

/** The whole environment of PostgreSQL's programs. A PGOPTIONS or PGDATA of ours must not reach them. */
export const serverEnvironment = { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' }

const unfinishedPrefix = 'cluster.new-'

/** Opens the cluster in `folder`, and creates it at the first start. Call it under the folder's lock. */
export async function openCluster(
  folder: ServerFolder,
  bundled: BundledPostgres,
  log: (line: string) => void,
): Promise<Cluster> {
  const path = join(folder.path, 'cluster')
  const bin = copyProgram(bundled, folder.path)
  if (!existsSync(path)) {
    log(`Creating a PostgreSQL ${bundled.major} database in ${folder.path}`)
    await createCluster(folder, path, bin)
  }
  assertSameMajor(path, bundled)
  if (!postmasterOf(path)) removeOldPrograms(bundled, folder.path)

  const password = readPassword(folder.path)
  const url = (port: number) => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
  return { path, folder, bin, url }
}

async function createCluster(folder: ServerFolder, path: string, bin: string): Promise<void> {
  removeUnfinished(folder.path)
  const unfinished = mkdtempSync(join(folder.path, unfinishedPrefix))
  give(unfinished, folder.user)
  const passwordFile = writePassword(folder)

  const options = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
  const text = ['--encoding=UTF8', '--locale=C', '--no-instructions']
  await run([join(bin, 'initdb'), `--pgdata=${unfinished}`, ...options, ...text], folder)

  renameSync(unfinished, path)
  syncFolder(folder.path)
}

// Removes what a killed start left behind. Its initdb may still be writing there, which is why every start creates the
// cluster under a name of its own.
function removeUnfinished(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(unfinishedPrefix))
      rmSync(join(folder, name), { recursive: true, force: true, maxRetries: 10 })
  }
}

function assertSameMajor(path: string, bundled: BundledPostgres): void {
  const major = readFileSync(join(path, 'PG_VERSION'), 'utf8').trim()
  if (major === bundled.major) return
  throw new Error(
    `The database in ${path} was made by PostgreSQL ${major}, and this Tollbook brings PostgreSQL ${bundled.major}, which cannot open it. Start it with the Tollbook that made it, or with a PostgreSQL ${major} of your own through DATABASE_URL, take a backup, and restore that into a new folder given with --data.`,
  )
}

function passwordFileIn(folder: string): string {
  return join(folder, 'password')
}

// The file belongs to the user of the server, because initdb runs as that user and reads it.
function writePassword(folder: ServerFolder): string {
  const file = passwordFileIn(folder.path)
  rmSync(file, { force: true })
  writeFileSync(file, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flush: true })
  give(file, folder.user)
  return file
}

function readPassword(folder: string): string {
  const file = passwordFileIn(folder)
  if (existsSync(file)) return readFileSync(file, 'utf8').trim()
  throw new Error(
    `The file ${file} with the database's password is missing. Put it back from a backup; without it Tollbook cannot open the database beside it.`,
  )
}

function give(path: string, user: ServerUser): void {
  if (user.uid !== undefined) chownSync(path, user.uid, user.gid)
}

async function run(command: string[], folder: ServerFolder): Promise<void> {
  const child = spawnProgram(() =>
    Bun.spawn(command, {
      ...folder.user,
      cwd: folder.path,
      env: serverEnvironment,
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    }),
  )
  const streams = [child.stdout, child.stderr].map((stream) => new Response(stream).text())
  const output = (await Promise.all(streams)).join('').trim()
  if ((await child.exited) === 0) return
  throw new Error(`PostgreSQL could not create its database in ${folder.path}. It said:\n${output}`)
}

/** Makes a rename in `folder` survive a crash of the machine. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}
