/** The schemas of refusals, for the routes of management. */
import { t } from 'elysia'
import { integer } from '../schemas/fields.ts'

export const Problem = t.Object(
  {
    type: t.String(),
    title: t.String(),
    status: integer(),
    detail: t.String(),
    code: t.String({ description: 'Stable; programs match on it.' }),
    requestId: t.String(),
    statusCode: integer({ description: 'As `status`.' }),
    message: t.String({ description: 'As `detail`.' }),
    errors: t.Optional(t.Array(t.Object({ pointer: t.String(), detail: t.String() }))),
    required: t.Optional(integer({ description: 'Credits that the call would have needed.' })),
    available: t.Optional(integer({ description: 'Credits that there are.' })),
    limit: t.Optional(
      t.String({ description: 'The rate limit that was reached.', examples: ['10 calls in 1 s'] }),
    ),
    resetsAt: t.Optional(
      t.String({ description: 'When the month ends, or the span of the budget.' }),
    ),
    budget: t.Optional(
      t.String({
        description: 'The budget that is exceeded, as `GET /v1/key` names it.',
        examples: ['group team-a day Europe/Berlin'],
      }),
    ),
    buyMore: t.Optional(
      t.String({
        description: 'Where credits can be bought, where they are missing.',
        examples: ['https://example.com/credits'],
      }),
    ),
    position: t.Optional(t.String({ description: 'Where in the ledger this was decided.' })),
  },
  // Said, because the server closes a schema that it compiles, and others have this one within theirs.
  { additionalProperties: true, description: 'A problem document (RFC 9457).' },
)

/** Refusals of every route that needs a sign-in. */
export const commonProblems = { 400: Problem, 401: Problem, 403: Problem, 503: Problem }
/** Refusals of routes about one thing. */
export const oneProblems = { ...commonProblems, 404: Problem }
/** Refusals of routes that change one thing. */
export const changeProblems = { ...oneProblems, 409: Problem }
