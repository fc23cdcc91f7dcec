// Chooses the folder of a server's files, and the user that the server runs as.
//
// PostgreSQL refuses to run as root. Started by root, it therefore runs as the user `nobody`, who must be able to enter
// every folder above its data, and cannot enter /root. Where `nobody` cannot, the files go to /var/lib/tollbook, which
// survives a restart of the machine (as /tmp would not), and `dataDir` becomes a link to them. Deleting the link begins
// with an empty server.

import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** The user that the server runs as; empty when it is our own. */
export type ServerUser = { uid: number; gid: number } | Record<string, never>

export type ServerFolder = { path: string; user: ServerUser }

const nobody = { uid: 65534, gid: 65534 }
const rootsFolder = '/var/lib/tollbook'

/** Creates `dataDir` when it is missing. @returns its real path, which the server's user can reach, and that user */
export function serverFolder(dataDir: string): ServerFolder {
  const wanted = resolve(dataDir)
  const asRoot = process.getuid?.() === 0
  if (lstatSync(wanted, { throwIfNoEntry: false }) === undefined) makeFolder(wanted, asRoot)
  const path = realFolder(wanted)
  if (!asRoot) return { path, user: {} }
  if (!othersCanReach(path)) {
    throw new Error(
      `PostgreSQL cannot run as root, and the user "nobody", as whom it would run, cannot reach ${path}. Pass --data with a folder outside ${closedFolderAbove(path)}, or start Tollbook as another user.`,
    )
  }
  chmodSync(path, statSync(path).mode | 0o011)
  return { path, user: nobody }
}

function makeFolder(wanted: string, asRoot: boolean): void {
  try {
    mkdirSync(dirname(wanted), { recursive: true })
    if (asRoot && !othersCanReach(wanted)) linkToRootsFolder(wanted)
    else mkdirSync(wanted, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new Error(
      `The folder ${wanted} cannot be created (${error instanceof Error ? error.message : error}). Pass --data with another folder.`,
    )
  }
}

function othersCanReach(path: string): boolean {
  return closedFolderAbove(path) === undefined
}

/** The nearest folder above `path` that other users may not enter. */
function closedFolderAbove(path: string): string | undefined {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(folder) && (statSync(folder).mode & 0o001) === 0) return folder
    if (folder === dirname(folder)) return undefined
  }
}

// The link is created last: of two starts at once, one finds the link of the other.
function linkToRootsFolder(wanted: string): void {
  mkdirSync(rootsFolder, { recursive: true })
  chmodSync(rootsFolder, 0o711)
  const target = mkdtempSync(join(rootsFolder, 'postgres-'))
  try {
    symlinkSync(target, wanted)
  } catch (error) {
    rmdirSync(target)
    if (!existsSync(wanted)) throw error
  }
}

function realFolder(wanted: string): string {
  try {
    accessSync(wanted, constants.R_OK | constants.W_OK | constants.X_OK)
    return realpathSync(wanted)
  } catch {
    throw new Error(
      existsSync(wanted)
        ? `The folder ${wanted} belongs to another user. Start Tollbook as that user, or pass --data with another folder.`
        : `${wanted} leads to ${readlinkSync(wanted)}, where the data was, and which is missing. Put it back, or delete the link to start with an empty ledger.`,
    )
  }
}
