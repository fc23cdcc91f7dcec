/** The operators' routes about operator keys. What changes one is for admins in person: no operator key is let in there. */
import { Elysia, t } from 'elysia'
import { requireRecentSignIn } from '../../auth/recent-sign-in.ts'
import { unwrap } from '../../errors/request-refused.ts'
import { changeProblems, commonProblems, Problem } from '../../openapi/problem-schema.ts'
import { closed, idParams, iso, plainReason } from '../../schemas/fields.ts'
import {
  NewOperatorKey,
  OperatorKey,
  OperatorKeyRotation,
  ShownOperatorKey,
} from '../../schemas/operator-key-schema.ts'
import { changeHeaders, onceHeader, versionIn } from '../once.ts'
import { operatorActor, type RouteDeps } from '../route-deps.ts'

const message = 'The operator key is shown this once only: keep it now.'

const tags = ['Operators: operator keys']

/** One chain, however long: Elysia infers the types of clients from it. */
export function adminOperatorKeysRoutes({ management, signIn, sql }: RouteDeps) {
  return new Elysia({ name: 'admin-operator-keys', normalize: false })
    .use(signIn)
    .get(
      '/admin/operator-keys',
      async () => ({ operatorKeys: await management.listOperatorKeys() }),
      {
        signedIn: 'operator',
        response: { 200: t.Object({ operatorKeys: t.Array(OperatorKey) }), ...commonProblems },
        detail: {
          operationId: 'listOperatorKeys',
          summary: 'Operator keys, the newest first',
          description:
            'Without their secrets, and with those that are revoked or expired; the thousand newest.',
          tags,
        },
      },
    )
    .post(
      '/admin/operator-keys',
      async ({ body, headers, principal, request, status }) => {
        await requireRecentSignIn(sql, principal)
        const { name, role, expiresAt, reason } = body
        const wanted = { name, role, expiresAt: iso(expiresAt) }
        const actor = operatorActor(principal, reason, { request, headers, body })
        const { key, view } = unwrap(await management.issueOperatorKey(wanted, actor))
        return status(201, { message, key, operatorKey: view })
      },
      {
        signedIn: 'adminInPerson',
        headers: onceHeader,
        body: NewOperatorKey,
        response: { 201: ShownOperatorKey, ...changeProblems },
        detail: {
          operationId: 'createOperatorKey',
          summary: 'Issue an operator key, with which a program comes as an operator',
          description:
            'As `Authorization: Bearer sk_op_…` it opens the routes of operators that its role may ask, until it expires. It opens no sold route and none of owners, and changes no operator keys. From a browser it needs a sign-in that is at most ten minutes old. Name and reason stand in the log as they are.',
          tags,
        },
      },
    )
    .post(
      '/admin/operator-keys/:id/rotate',
      async ({ body, headers, params, principal, request }) => {
        await requireRecentSignIn(sql, principal)
        const { graceSeconds = 0, expiresAt, reason } = body ?? {}
        const rotation = { graceSeconds, ...(expiresAt && { expiresAt: iso(expiresAt) }) }
        const actor = operatorActor(principal, reason, { request, headers, body })
        const { version } = versionIn(headers)
        const { key, view } = unwrap(
          await management.rotateOperatorKey(params.id, rotation, actor, version),
        )
        return { message, key, operatorKey: view }
      },
      {
        signedIn: 'adminInPerson',
        params: idParams,
        headers: changeHeaders,
        body: OperatorKeyRotation,
        response: { 200: ShownOperatorKey, ...changeProblems, 412: Problem },
        detail: {
          operationId: 'rotateOperatorKey',
          summary: 'Give an operator key a new secret',
          description:
            'With `graceSeconds` the old secret stays valid for so long, and never longer than it would have been. Without `expiresAt` the new one ends when the old one would have.',
          tags,
        },
      },
    )
    .delete(
      '/admin/operator-keys/:id',
      async ({ body, headers, params, principal, request }) => {
        const actor = operatorActor(principal, body?.reason, { request, headers, body })
        const { version } = versionIn(headers)
        const operatorKey = unwrap(await management.revokeOperatorKey(params.id, actor, version))
        return { message: 'The operator key is revoked, for good.', operatorKey }
      },
      {
        signedIn: 'adminInPerson',
        params: idParams,
        headers: changeHeaders,
        body: t.Optional(closed({ reason: plainReason })),
        response: {
          200: t.Object({ message: t.String(), operatorKey: OperatorKey }),
          ...changeProblems,
          412: Problem,
        },
        detail: {
          operationId: 'revokeOperatorKey',
          summary: 'Revoke an operator key, for good',
          description: 'Its next request is refused, at any gateway.',
          tags,
        },
      },
    )
}
