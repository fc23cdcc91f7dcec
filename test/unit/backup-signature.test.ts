/** Who has signed a backup: whose key it is, what the signature says, and which files are no keys. */
import { expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import {
  openSigner,
  openTrustedKeys,
  UnusableKey,
} from '../../src/ledger/backup/backup-signature.ts'
import { makeKeys } from '../support/signing-keys.ts'

const endLine = '{"end":{"events":1}}'

test('a signature is that of its key and its line, and of no other', () => {
  const own = makeKeys()
  const signer = openSigner(own.privatePem)
  const [key] = openTrustedKeys(own.publicPem)
  const [other] = openTrustedKeys(makeKeys().publicPem)
  const signature = signer.sign(endLine)
  expect(key?.fingerprint).toBe(signer.fingerprint)
  expect(key?.isSigned(endLine, signature)).toBe(true)
  expect(key?.isSigned(endLine.replace('1', '2'), signature)).toBe(false)
  expect(other?.isSigned(endLine, signature)).toBe(false)
  expect(key?.isSigned(endLine, '')).toBe(false)
})

test('a signature is spelled in one way', () => {
  const { privatePem, publicPem } = makeKeys()
  const signature = openSigner(privatePem).sign(endLine)
  const [key] = openTrustedKeys(publicPem)
  const bytes = Buffer.from(signature)
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect([at, key?.isSigned(endLine, changed.toString('latin1'))]).toEqual([at, false])
  }
  expect(key?.isSigned(endLine, `${signature} `)).toBe(false)
})

test('several keys can be trusted at once, as when they are replaced', () => {
  const [old, next] = [makeKeys(), makeKeys()]
  const trusted = openTrustedKeys(old.publicPem + next.publicPem)
  const signed = trusted.map(({ fingerprint }) => fingerprint)
  expect(signed).toEqual([old, next].map((keys) => openSigner(keys.privatePem).fingerprint))
})

test.each([
  [
    'a private key is not what whoever restores needs',
    () => openTrustedKeys(makeKeys().privatePem),
  ],
  ['a public key does not sign', () => openSigner(makeKeys().publicPem)],
  ['another text is no key that signs', () => openSigner('hello')],
  ['another text is no key that is trusted', () => openTrustedKeys('hello')],
  ['an empty file trusts nobody', () => openTrustedKeys('')],
  [
    'a broken key is none',
    () => openTrustedKeys('-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'),
  ],
  [
    'a key of another kind is refused',
    () => openTrustedKeys(rsa().publicKey.export({ type: 'spki', format: 'pem' }).toString()),
  ],
  [
    'a key of another kind signs nothing',
    () => openSigner(rsa().privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
  ],
  ['a key with a password is refused', () => openSigner(encrypted())],
])('%s', (_, open) => {
  expect(open).toThrow(UnusableKey)
})

function rsa() {
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
}

function encrypted(): string {
  const { privateKey } = generateKeyPairSync('ed25519')
  const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const
  return privateKey.export(options).toString()
}
