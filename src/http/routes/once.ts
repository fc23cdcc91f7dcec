/** Changes that are made once, by `Idempotency-Key`, and only of what was seen, by `If-Match`. */
import { createHash } from 'node:crypto'
import { t } from 'elysia'
import { canonicalJson } from '../../../events/canonical-json.ts'
import { accountIdOf } from '../../lib/ids.ts'
import type { Once } from '../../management/actor.ts'
import { ownerOf, type Principal, principalKey } from '../auth/auth.ts'
import type { Static } from '../schemas/fields.ts'

const onceField = {
  'idempotency-key': t.Optional(
    t.String({
      pattern: '^[!-~]{1,200}$',
      title: '1 to 200 printable ASCII characters without spaces',
      description:
        'However often a request comes with it, it is done once. Another request with it is 409.',
    }),
  ),
}

/** Of routes that make something. */
export const onceHeader = t.Object(onceField)

/** Of routes that change something that has a version. */
export const changeHeaders = t.Object({
  ...onceField,
  'if-match': t.Optional(
    t.String({
      pattern: '^("\\d{1,15}"|\\d{1,15})$',
      title: 'a version such as "3"',
      description: 'The `version` that it must still have; another one is 412.',
    }),
  ),
})

/** The version of `If-Match`, as a field of a change. */
export function versionIn({ 'if-match': version }: Static<typeof changeHeaders>): {
  version?: number
} {
  return version === undefined ? {} : { version: Number(version.replaceAll('"', '')) }
}

/** A request, as far as it says what is asked. */
export interface Asked {
  readonly request: Request
  readonly headers: { readonly 'idempotency-key'?: string | undefined }
  readonly body?: unknown
}

/** undefined: without an Idempotency-Key each request counts by itself. */
export function onceOf(principal: Principal, { request, headers, body }: Asked): Once | undefined {
  const key = headers['idempotency-key']
  if (key === undefined) return undefined
  const { method, url } = request
  const scope = principal.isOperatorKey
    ? [principalKey(principal)]
    : [principal.role, principal.subject, accountIdOf(ownerOf(principal))]
  const asked = [method, new URL(url).pathname, body ?? null]
  return {
    id: `request:${hashOf([...scope, key])}`,
    // With the key: the hash of a name or a reason alone could be guessed, and outlives its account.
    request: hashOf([...asked, key]),
    formerRequest: hashOf(asked),
  }
}

function hashOf(value: readonly unknown[]): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex')
}
