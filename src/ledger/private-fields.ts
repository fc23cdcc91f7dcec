/**
 * Personal data in events: AES-256-GCM under the account's secret, an encryption key that stands outside the log. Erasing
 * the account deletes it. Ciphertexts, amounts and hashes stay as they are.
 *
 * Layout: 12 bytes of nonce, then the ciphertext with its 16-byte tag. The tag covers the account's id, too, so a document
 * cannot be moved to another account.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** The secret of a new account. */
export function newSecret(): Uint8Array {
  return randomBytes(32)
}

export function seal(secret: Uint8Array, accountId: string, document: object): Uint8Array {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(Buffer.from(accountId))
  const body = Buffer.concat([cipher.update(JSON.stringify(document), 'utf8'), cipher.final()])
  return Buffer.concat([nonce, body, cipher.getAuthTag()])
}

/** The document. undefined: the account was erased, or the bytes are not its own. */
export function unseal<T>(
  secret: Uint8Array | null | undefined,
  accountId: string,
  sealed: Uint8Array | null | undefined,
): T | undefined {
  if (!secret || !sealed || sealed.length < 28) return undefined
  try {
    const decipher = createDecipheriv('aes-256-gcm', secret, sealed.subarray(0, 12))
      .setAAD(Buffer.from(accountId))
      .setAuthTag(sealed.subarray(-16))
    const text = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()])
    return JSON.parse(text.toString('utf8')) as T
  } catch {
    return undefined
  }
}
