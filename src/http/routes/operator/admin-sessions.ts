/** The operators' route that ends the sessions of a user's browsers. */
import { Elysia, t } from 'elysia'
import { changeProblems } from '../../openapi/problem-schema.ts'
import { closed, integer } from '../../schemas/fields.ts'
import type { RouteDeps } from '../route-deps.ts'

/** One chain, however long: Elysia infers the types of clients from it. */
export function adminSessionsRoutes({ sessions, signIn }: RouteDeps) {
  return new Elysia({ name: 'admin-sessions', normalize: false })
    .use(signIn)
    .post(
      '/admin/sign-outs',
      async ({ body: { subject } }) => ({ sessionsEnded: await sessions.closeAll(subject) }),
      {
        signedIn: 'admin',
        body: closed({
          subject: t.String({
            ...{ minLength: 1, maxLength: 255 },
            title: 'a user, as tokens name him in `sub`',
          }),
        }),
        response: { 200: t.Object({ sessionsEnded: integer() }), ...changeProblems },
        detail: {
          operationId: 'revokeSessions',
          summary: 'Sign a user out everywhere',
          description:
            'Ends the sessions of all browsers in which the user is signed in, to the portal or the console. Tokens and keys stay.',
          tags: ['Operators: accounts'],
        },
      },
    )
}
