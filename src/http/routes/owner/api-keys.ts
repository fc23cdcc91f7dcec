/** The owners' routes about their keys: issue, read, change, revoke and regenerate. */
import { Elysia, t } from 'elysia'
import { accountIdOf } from '../../../lib/ids.ts'
import type { KeyRequest } from '../../../management/issue-key.ts'
import { ownerOf, type Principal } from '../../auth/auth.ts'
import { orBadCursor, requireValid, unwrap } from '../../errors/request-refused.ts'
import {
  changeProblems,
  commonProblems,
  oneProblems,
  Problem,
} from '../../openapi/problem-schema.ts'
import {
  ApiKey,
  apiKeyOf,
  ChangedKey,
  invalidAddresses,
  keyChangeOf,
  keyFields,
  keyPatchFields,
  keyPointers,
  revokedMessage,
  ShownKey,
} from '../../schemas/api-key-schema.ts'
import {
  closed,
  cursor,
  graceSeconds,
  idParams,
  keyName,
  mode,
  pageLimit,
  type Static,
} from '../../schemas/fields.ts'
import { changeHeaders, onceHeader, versionIn } from '../once.ts'
import { type OwnersRouteDeps, ownerActor } from '../route-deps.ts'
import { readOwnKey } from './read-own-key.ts'

const NewKey = closed({
  name: keyName,
  tier: t.Optional(
    t.String({
      minLength: 1,
      maxLength: 63,
      description: 'The plan of the account; only an operator can give another one.',
    }),
  ),
  mode: t.Optional(mode),
  environment: t.Optional(mode),
  ...keyFields,
})

const Rotation = t.Optional(
  closed({
    graceSeconds,
  }),
)

const KeyList = t.Object({
  apiKeys: t.Array(ApiKey),
  nextCursor: t.Optional(
    t.String({ description: 'The `cursor` of the next page; absent on the last page.' }),
  ),
})

const tags = ['API keys']

/** One chain, however long: Elysia infers the types of clients from it. */
export function apiKeysRoutes({ management, signIn, permissions }: OwnersRouteDeps) {
  return new Elysia({ name: 'api-keys', normalize: false })
    .use(signIn)
    .post(
      '/api-keys',
      async ({ body, headers, principal, request, status }) => {
        requireValid([...invalidAddresses(body), ...contradictions(body)])
        const { key, view } = unwrap(
          await management.issueKey(
            ownerOf(principal),
            keyRequestOf(body, principal),
            ownerActor(principal, { request, headers, body }),
          ),
          keyPointers,
        )
        const message = 'The key is shown this once only: keep it now.'
        return status(201, { message, key, apiKey: apiKeyOf(view, permissions) })
      },
      {
        signedIn: 'owner',
        headers: onceHeader,
        body: NewKey,
        response: { 201: ShownKey, ...changeProblems },
        detail: {
          operationId: 'createApiKey',
          summary: 'Issue a key; the first one opens your account',
          description:
            'Issues a key on the account of whoever signs in: the organisation that the token names, else the user. The key stands in this response and nowhere else.',
          tags,
        },
      },
    )
    .get(
      '/api-keys',
      async ({ principal, query: { cursor, limit = 1_000 } }) => {
        const accountId = accountIdOf(ownerOf(principal))
        const found = await management.pageOfKeys({ accountId }, { after: cursor, limit })
        const { keys, next } = orBadCursor(found)
        return {
          apiKeys: keys.map((view) => apiKeyOf(view, permissions)),
          ...(next !== null && { nextCursor: next }),
        }
      },
      {
        signedIn: 'owner',
        query: t.Object({
          cursor: t.Optional(cursor),
          limit: pageLimit({ maximum: 1_000, default: 1_000 }),
        }),
        response: { 200: KeyList, ...commonProblems },
        detail: {
          operationId: 'listApiKeys',
          summary: 'Your keys, the newest first, revoked ones included',
          description:
            'The keys of your account, without their secrets. `nextCursor` is the `cursor` of the next page.',
          tags,
        },
      },
    )
    .get(
      '/api-keys/:id',
      async ({ params, principal }) => ({
        apiKey: apiKeyOf(await readOwnKey(management, principal, params.id), permissions),
      }),
      {
        signedIn: 'owner',
        params: idParams,
        response: { 200: t.Object({ apiKey: ApiKey }), ...oneProblems },
        detail: {
          operationId: 'getApiKey',
          summary: 'One of your keys',
          description: 'One key of your account, without its secret.',
          tags,
        },
      },
    )
    .patch(
      '/api-keys/:id',
      async ({ body, headers, params, principal, request }) => {
        requireValid(invalidAddresses(body))
        const view = unwrap(
          await management.updateKey(
            ownerOf(principal),
            params.id,
            { ...keyChangeOf(body), ...versionIn(headers) },
            ownerActor(principal, { request, headers, body }),
          ),
          keyPointers,
        )
        return { message: 'The key was changed.', apiKey: apiKeyOf(view, permissions) }
      },
      {
        signedIn: 'owner',
        params: idParams,
        headers: changeHeaders,
        body: closed(keyPatchFields),
        response: { 200: ChangedKey, ...changeProblems, 412: Problem },
        detail: {
          operationId: 'updateApiKey',
          summary: 'Change a key: what it is called and what it narrows',
          description:
            'Changes the fields that the body names and leaves the others. A key can only narrow what its account has; null removes a limit of its own.',
          tags,
        },
      },
    )
    .delete(
      '/api-keys/:id',
      async ({ headers, params, principal, request }) => {
        const actor = ownerActor(principal, { request, headers })
        const { version } = versionIn(headers)
        const view = unwrap(
          await management.revokeKey(ownerOf(principal), params.id, actor, version),
        )
        return { message: revokedMessage, apiKey: apiKeyOf(view, permissions) }
      },
      {
        signedIn: 'owner',
        params: idParams,
        headers: changeHeaders,
        response: { 200: ChangedKey, ...changeProblems, 412: Problem },
        detail: {
          operationId: 'revokeApiKey',
          summary: 'Revoke a key, for good; its history stays',
          description:
            'Revokes a key. It buys nothing from then on, on any gateway, and cannot be enabled again.',
          tags,
        },
      },
    )
    .post(
      '/api-keys/:id/regenerate',
      async ({ body, headers, params, principal, request }) => {
        const graceSeconds = body?.graceSeconds ?? 0
        const owner = ownerOf(principal)
        const actor = ownerActor(principal, { request, headers, body })
        const { version } = versionIn(headers)
        const { key, view } = unwrap(
          await management.rotateKey(owner, params.id, graceSeconds, actor, version),
        )
        const message = 'The new key is shown this once only: keep it now.'
        return { message, key, apiKey: apiKeyOf(view, permissions) }
      },
      {
        signedIn: 'owner',
        params: idParams,
        headers: changeHeaders,
        body: Rotation,
        response: { 200: ShownKey, ...changeProblems, 412: Problem },
        detail: {
          operationId: 'rotateApiKey',
          summary: 'Give a key a new secret',
          description:
            'Replaces the secret of a key; its id, its limits and its history stay. With `graceSeconds` the old secret stays valid for so long.',
          tags,
        },
      },
    )
}

function contradictions({ mode, environment }: Static<typeof NewKey>) {
  if (mode === undefined || environment === undefined || mode === environment) return []
  return [{ pointer: '/environment', detail: 'contradicts `mode`' }]
}

function keyRequestOf(body: Static<typeof NewKey>, principal: Principal): KeyRequest {
  const { name, tier, mode, environment, ...fields } = body
  return {
    ...keyChangeOf(fields),
    name,
    mode: mode ?? environment ?? 'live',
    ...(tier !== undefined && { plan: tier }),
    ...(principal.organisation !== undefined && { createdBy: principal.subject }),
  }
}
