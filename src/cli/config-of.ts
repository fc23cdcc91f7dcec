/** Finds the configuration that a command works with: that of the ledger it works on. */
import { readFileSync, writeFileSync } from 'node:fs'
import { isAbsolute, join, relative, resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import { loadConfig, shippedConfigFile } from '../config/load-config.ts'
import { type DatabaseArgs, defaultDataFolder } from './database.ts'

/** The file in which `tollbook up` leaves the path of its configuration for the other commands; empty for the shipped one. */
function configFileNote(dataFolder: string): string {
  return join(dataFolder, 'config-file')
}

/** Notes in the data folder which configuration its `tollbook up` runs with. */
export function noteConfigFile(dataFolder: string, { file }: Config, given?: string): void {
  const isShipped = given === undefined && file !== 'tollbook.yaml'
  writeFileSync(configFileNote(dataFolder), isShipped ? '\n' : `${resolve(given ?? file)}\n`)
}

/**
 * The configuration of --config; else that of the `tollbook up` whose database the command takes (see `databaseUrl`);
 * else tollbook.yaml here, or the shipped one.
 *
 * @throws ConfigError with every problem found
 */
export function configOf(args: DatabaseArgs & { readonly config?: string | undefined }): Config {
  return loadConfig({ file: args.config ?? configFileOfUp(args), env: process.env })
}

function configFileOfUp({ database, data }: DatabaseArgs): string | undefined {
  if (database || (!data && process.env.DATABASE_URL)) return undefined
  let noted: string
  try {
    noted = readFileSync(configFileNote(data ?? defaultDataFolder), 'utf8').trim()
  } catch (error) {
    // No `up` has run there, or one of a version that left no note.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return noted === '' ? shippedConfigFile : shortPath(noted)
}

/** A file in the working directory, or below it, is printed as its user would write it. */
function shortPath(path: string): string {
  const short = relative(process.cwd(), path)
  return short.startsWith('..') || isAbsolute(short) ? path : short
}
