/** The secret that signs tokens of a `tollbook up`. It is made at the first start and kept beside the data. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

export function loadOrCreateSecret(file: string): string {
  if (existsSync(file)) return readFileSync(file, 'utf8').trim()
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(48))).toString('base64url')
  writeFileSync(file, `${secret}\n`, { mode: 0o600 })
  return secret
}
