/** Why a file that was named cannot be read, for the person who named it. */
import { UsageError } from './usage-error.ts'

/** @returns what to throw: `error` itself, where it is of something else */
export function unreadable(file: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  switch (code) {
    case undefined:
      return error
    case 'ENOENT':
      return new UsageError(`there is no file ${file}: name one that is there.`)
    case 'EISDIR':
      return new UsageError(`${file} is a folder: name a file in it.`)
    case 'EACCES':
      return new UsageError(`${file} may not be read by this user: let its owner permit that.`)
    default:
      return new UsageError(`${file} cannot be read (${code}).`)
  }
}
