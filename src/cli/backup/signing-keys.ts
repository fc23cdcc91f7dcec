/** The keys that sign backups, and that restoring trusts: in files, which options or the environment name. */
import { readFileSync } from 'node:fs'
import {
  openSigner,
  openTrustedKeys,
  type Signer,
  type TrustedKey,
  UnusableKey,
} from '../../ledger/backup/backup-signature.ts'
import { unreadable } from '../unreadable.ts'
import { UsageError } from '../usage-error.ts'

/** What names the files where no option does. */
const signWith = 'BACKUP_SIGN_WITH'
const signedBy = 'BACKUP_SIGNED_BY'

interface Named {
  readonly file: string | undefined
  readonly unsigned: boolean | undefined
}

/** @returns undefined when nobody shall sign. @throws UsageError */
export function signerOf({ file, unsigned }: Named): Signer | undefined {
  const named = fileOf({ file, unsigned }, '--sign-with', signWith)
  if (named !== undefined) return readKey(named, openSigner)
  if (unsigned) return undefined
  throw new UsageError(
    `which key signs the backup? Name its file with --sign-with or ${signWith}. This makes one, and its public key for whoever restores:
  openssl genpkey -algorithm ed25519 -out backup.key
  openssl pkey -in backup.key -pubout -out backup.pub
With --unsigned nobody signs, and "restore" takes the backup only with --unsigned.`,
  )
}

/** @returns undefined when nobody need have signed. @throws UsageError */
export function trustedKeysOf({ file, unsigned }: Named): readonly TrustedKey[] | undefined {
  const named = fileOf({ file, unsigned }, '--signed-by', signedBy)
  if (named !== undefined) return readKey(named, openTrustedKeys)
  if (unsigned) return undefined
  throw new UsageError(
    `who has signed the backup? Name the file with the public key that you trust, with --signed-by or ${signedBy}: "openssl pkey -in backup.key -pubout" makes it of the key that signs. A backup whose maker need not be known is restored with --unsigned.`,
  )
}

/** The keys that are trusted where some are named; undefined: none are. @throws UsageError */
export function namedTrustedKeys(file: string | undefined): readonly TrustedKey[] | undefined {
  return trustedKeysOf({ file, unsigned: file === undefined && !process.env[signedBy] })
}

function fileOf({ file, unsigned }: Named, option: string, variable: string): string | undefined {
  if (file !== undefined && unsigned) {
    throw new UsageError(`${option} and --unsigned exclude each other: pass one.`)
  }
  return file ?? (unsigned ? undefined : process.env[variable] || undefined)
}

function readKey<T>(file: string, read: (pem: string) => T): T {
  try {
    return read(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error instanceof UnusableKey) throw new UsageError(`${file}: ${error.message}.`)
    throw unreadable(file, error)
  }
}
