/** The operators' routes about everyone's keys; some of them act on the key's account too. */
import { Elysia, t } from 'elysia'
import { orBadCursor, orNotFound, requireValid, unwrap } from '../../errors/request-refused.ts'
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
  keyPatchFields,
  keyPointers,
  revokedMessage,
} from '../../schemas/api-key-schema.ts'
import {
  closed,
  cursor,
  id,
  idParams,
  integer,
  nextCursor,
  queryInteger,
  reason,
} from '../../schemas/fields.ts'
import { changeHeaders, versionIn } from '../once.ts'
import { operatorActor, type RouteDeps } from '../route-deps.ts'

const KeyPatch = closed({
  ...keyPatchFields,
  tier: t.Optional(
    t.String({
      minLength: 1,
      maxLength: 63,
      description: "Acts on the key's account: more counts at once, less from the next month on.",
    }),
  ),
  resetCredits: t.Optional(
    t.Boolean({ description: 'Grants what the account used this month again, until its end.' }),
  ),
  reason,
})

const ListQuery = t.Object({
  cursor: t.Optional(cursor),
  limit: queryInteger({ minimum: 1, maximum: 200, default: 50 }),
  page: t.Optional(
    queryInteger({
      ...{ minimum: 1, maximum: 1_000_000 },
      description:
        'For older programs: a key that is made meanwhile moves all pages. Use `cursor`.',
    }),
  ),
  userId: t.Optional(t.String({ pattern: '^[^\\x00]{1,255}$', title: 'a user id' })),
  accountId: t.Optional(id),
  tier: t.Optional(t.String({ pattern: '^[^\\x00]{1,63}$', title: 'a plan' })),
  active: t.Optional(t.Boolean()),
})

const KeyList = t.Object({
  apiKeys: t.Array(ApiKey),
  pagination: t.Object({
    page: t.Optional(integer({ description: 'Where the request named one.' })),
    nextCursor,
    limit: integer(),
    total: integer(),
    totalPages: integer(),
  }),
})

const cursorAndPage = { pointer: 'query/page', detail: 'contradicts `cursor`' }

const tags = ['Operators: keys']

/** One chain, however long: Elysia infers the types of clients from it. */
export function adminKeysRoutes({ management, signIn, permissions }: RouteDeps) {
  return new Elysia({ name: 'admin-keys', normalize: false })
    .use(signIn)
    .get(
      '/admin/api-keys',
      async ({ query: { cursor, page, limit, tier, userId, accountId, active } }) => {
        if (cursor !== undefined && page !== undefined) requireValid([cursorAndPage])
        const filter = { userId, accountId, plan: tier, active }
        const start = page === undefined ? { after: cursor } : { offset: (page - 1) * limit }
        const found = orBadCursor(await management.pageOfKeys(filter, { ...start, limit }))
        const { keys, total, next } = found
        const ofPage = page === undefined && cursor !== undefined ? {} : { page: page ?? 1 }
        return {
          apiKeys: keys.map((view) => apiKeyOf(view, permissions)),
          pagination: {
            ...ofPage,
            ...{ nextCursor: next, limit, total, totalPages: Math.ceil(total / limit) },
          },
        }
      },
      {
        signedIn: 'operator',
        query: ListQuery,
        response: { 200: KeyList, ...commonProblems },
        detail: {
          operationId: 'listAllApiKeys',
          summary: "Everyone's keys, the newest first",
          description:
            'Keys of all accounts, without their secrets; by user, plan and state. `pagination.nextCursor` is the `cursor` of the next page.',
          tags,
        },
      },
    )
    .get(
      '/admin/api-keys/:id',
      async ({ params }) => {
        const view = orNotFound(await management.readKey('everyone', params.id), 'key')
        return { apiKey: apiKeyOf(view, permissions) }
      },
      {
        signedIn: 'operator',
        params: idParams,
        response: { 200: t.Object({ apiKey: ApiKey }), ...oneProblems },
        detail: {
          operationId: 'getAnyApiKey',
          summary: 'Any key',
          description: "Anybody's key, without its secret.",
          tags,
        },
      },
    )
    .patch(
      '/admin/api-keys/:id',
      async ({ body, headers, params, principal, request }) => {
        const { tier, resetCredits, reason, ...fields } = body
        requireValid(invalidAddresses(fields))
        const actor = operatorActor(principal, reason, { request, headers, body })
        const change = {
          ...{ ...keyChangeOf(fields), ...versionIn(headers) },
          ...(tier !== undefined && { plan: tier }),
        }
        const view = unwrap(
          await management.updateKey('everyone', params.id, change, actor),
          keyPointers,
        )
        // After the change, so that a change that is refused resets no credits either.
        if (resetCredits) {
          unwrap(await management.resetCredits(view.accountId, view.mode, actor))
        }
        return { message: 'The key was changed.', apiKey: apiKeyOf(view, permissions) }
      },
      {
        signedIn: 'admin',
        params: idParams,
        headers: changeHeaders,
        body: KeyPatch,
        response: { 200: ChangedKey, ...changeProblems, 412: Problem },
        detail: {
          operationId: 'updateAnyApiKey',
          summary: "Change a key, its cap and rate, and its account's plan",
          description:
            "Changes anybody's key as its owner could, and beyond: the plan of its account, and its month's credits.",
          tags,
        },
      },
    )
    .delete(
      '/admin/api-keys/:id',
      async ({ body, headers, params, principal, request }) => {
        const actor = operatorActor(principal, body?.reason, { request, headers, body })
        const { version } = versionIn(headers)
        const view = unwrap(await management.revokeKey('everyone', params.id, actor, version))
        return { message: revokedMessage, apiKey: apiKeyOf(view, permissions) }
      },
      {
        signedIn: 'support',
        params: idParams,
        headers: changeHeaders,
        body: t.Optional(closed({ reason })),
        response: { 200: ChangedKey, ...changeProblems, 412: Problem },
        detail: {
          operationId: 'revokeAnyApiKey',
          summary: 'Revoke any key, for good',
          description: "Revokes anybody's key. It buys nothing from then on, on any gateway.",
          tags,
        },
      },
    )
}
