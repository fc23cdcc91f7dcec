/** The operators' routes about what they noted of an account. Owners have none that shows it. */
import { Elysia, t } from 'elysia'
import { type ListedNote, readNotes } from '../../../reports/account/account-notes.ts'
import { findFirstEvent } from '../../../reports/log-reader/find-account.ts'
import { orBadCursor, orNotFound, unwrap } from '../../errors/request-refused.ts'
import { changeProblems, oneProblems } from '../../openapi/problem-schema.ts'
import { Account } from '../../schemas/account-schema.ts'
import {
  closed,
  cursor,
  idParams,
  integer,
  nextCursor,
  noteText,
  pageLimit,
  typedSchema,
} from '../../schemas/fields.ts'
import { onceHeader } from '../once.ts'
import { operatorActor, type RouteDeps } from '../route-deps.ts'

const NoteList = t.Object({
  notes: t.Array(
    typedSchema<ListedNote>(
      t.Object({
        position: t.String({ description: 'Of its event.' }),
        writtenAt: t.String(),
        actor: t.String({ description: 'Who wrote it: `support:` and the user, or `cli`.' }),
        text: t.Nullable(t.String({ description: 'null: the account was erased.' })),
      }),
    ),
  ),
  total: integer({ description: 'On all pages.' }),
  nextCursor,
})

const tags = ['Operators: accounts']

/** One chain, however long: Elysia infers the types of clients from it. */
export function adminNotesRoutes({ management, sql, signIn }: RouteDeps) {
  return new Elysia({ name: 'admin-notes', normalize: false })
    .use(signIn)
    .get(
      '/admin/accounts/:id/notes',
      async ({ params, query: { cursor, limit = 50 } }) => {
        orNotFound(await findFirstEvent(sql, params.id), 'account')
        const found = await readNotes(sql, params.id, { after: cursor, limit })
        const { notes, total, next } = orBadCursor(found)
        return { notes, total, nextCursor: next }
      },
      {
        signedIn: 'operator',
        params: idParams,
        query: t.Object({
          cursor: t.Optional(cursor),
          limit: pageLimit({ maximum: 200, default: 50 }),
        }),
        response: { 200: NoteList, ...oneProblems },
        detail: {
          operationId: 'listNotes',
          summary: 'The notes on an account, the newest first',
          description:
            'What operators noted of an account, who did, and when. Its owner cannot read them. Erasing the account makes them unreadable. `nextCursor` is the `cursor` of the next page.',
          tags,
        },
      },
    )
    .post(
      '/admin/accounts/:id/notes',
      async ({ body, headers, params, principal, request, status }) => {
        const actor = operatorActor(principal, undefined, { request, headers, body })
        const noted = await management.changeAccount(params.id, { note: body.text }, actor)
        return status(201, { account: unwrap(noted) })
      },
      {
        signedIn: 'support',
        params: idParams,
        headers: onceHeader,
        body: closed({ text: noteText }),
        response: { 201: t.Object({ account: Account }), ...changeProblems },
        detail: {
          operationId: 'createNote',
          summary: 'Write a note on an account',
          description:
            'Keeps a text with the account, for operators alone, encrypted until the account is erased. It is an event, which is not changed or taken back; and so the account has another `version`.',
          tags,
        },
      },
    )
}
