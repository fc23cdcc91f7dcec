/**
 * Who has made a backup: an Ed25519 signature (RFC 8032) of its line `end`, which has the hash of all lines before it. So the
 * signature covers every byte, and neither side keeps more than a line in memory. The private key is in a file of whoever makes
 * backups, and never in the database: whoever can write there could otherwise forge a backup, too. Whoever restores names the
 * public keys that he trusts.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'

export interface Signer {
  readonly fingerprint: string
  /** The signature's line for the line `end`. */
  sign(endLine: string): string
}

export interface TrustedKey {
  readonly fingerprint: string
  /** Whether the line is this key's signature of the line `end`. */
  isSigned(endLine: string, signatureLine: string): boolean
}

/** The text is not the key that was expected; the message says what it is. */
export class UnusableKey extends Error {
  override readonly name = 'UnusableKey'
}

/** What is signed begins with this, so that a signature means a backup and nothing else that the key may have signed. */
const context = 'Tollbook backup, format 4\n'

/**
 * @param pem an Ed25519 private key (PKCS #8), as `openssl genpkey -algorithm ed25519` writes it
 * @throws UnusableKey
 */
export function openSigner(pem: string): Signer {
  const key = keyOf(() => createPrivateKey(pem), 'an Ed25519 private key in PEM')
  const fingerprint = fingerprintOf(createPublicKey(pem))
  return {
    fingerprint,
    sign: (endLine) => lineOf(fingerprint, sign(null, signedText(endLine), key)),
  }
}

/**
 * @param pem one public key or more (SPKI), as `openssl pkey -pubout` writes them
 * @throws UnusableKey
 */
export function openTrustedKeys(pem: string): readonly TrustedKey[] {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    throw new UnusableKey('it has a private key, which belongs where backups are made')
  }
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g)
  if (!blocks) throw new UnusableKey('it has no Ed25519 public key in PEM')
  return blocks.map((block) => {
    const key = keyOf(() => createPublicKey(block), 'an Ed25519 public key in PEM')
    const fingerprint = fingerprintOf(key)
    return {
      fingerprint,
      isSigned(endLine, signatureLine) {
        const signature = signatureOf(signatureLine)
        // The line is compared as it is written, for base64 can be spelled in several ways.
        return (
          lineOf(fingerprint, signature) === signatureLine &&
          verify(null, signedText(endLine), key, signature)
        )
      },
    }
  })
}

function keyOf(read: () => KeyObject, expected: string): KeyObject {
  let key: KeyObject
  try {
    key = read()
  } catch {
    throw new UnusableKey(`it is not ${expected}, without a password`)
  }
  if (key.asymmetricKeyType === 'ed25519') return key
  throw new UnusableKey(`its key is of the kind ${key.asymmetricKeyType}, not Ed25519`)
}

/** As OpenSSH prints it, of the key's SPKI encoding. */
function fingerprintOf(key: KeyObject): string {
  const hash = createHash('sha256').update(key.export({ type: 'spki', format: 'der' }))
  return `SHA256:${hash.digest('base64').replace(/=+$/, '')}`
}

function signedText(endLine: string): Buffer {
  return Buffer.from(context + endLine)
}

function lineOf(by: string, signature: Uint8Array): string {
  return JSON.stringify({ signature: { by, ed25519: Buffer.from(signature).toString('base64') } })
}

function signatureOf(line: string): Buffer {
  const text = /"ed25519":"([A-Za-z0-9+/]{86}==)"/.exec(line)?.[1] ?? ''
  return Buffer.from(text, 'base64')
}
