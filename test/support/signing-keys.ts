/** Ed25519 keys as openssl writes them. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export function makeKeys(): { readonly privatePem: string; readonly publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}

/** The same as files, in a folder of their own unless one is given. */
export function makeKeyFiles(folder = mkdtempSync(join(tmpdir(), 'tollbook-keys-'))): {
  readonly privateFile: string
  readonly publicFile: string
} {
  const { privatePem, publicPem } = makeKeys()
  const name = crypto.randomUUID()
  const files = {
    privateFile: join(folder, `${name}.key`),
    publicFile: join(folder, `${name}.pub`),
  }
  writeFileSync(files.privateFile, privatePem, { mode: 0o600 })
  writeFileSync(files.publicFile, publicPem)
  return files
}
