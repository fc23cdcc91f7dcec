/** A statement, as the route shows it in JSON. */
import { t } from 'elysia'
import type { Parties, Statement } from '../../reports/statement/statement-shape.ts'
import { Profile } from './account-schema.ts'
import { integer, mode, sum, typedSchema } from './fields.ts'

const count = integer()
const text = t.String()

export const StatementSchema = typedSchema<Statement & Parties>(
  t.Object(
    {
      accountId: text,
      keyId: t.Nullable(text),
      mode,
      month: text,
      timeZone: text,
      from: text,
      until: text,
      asOf: t.Optional(t.Object({ position: text, time: text })),
      final: t.Boolean({ description: 'Nothing appended from now on can change it.' }),
      through: t.Nullable(text),
      charges: t.Object({ calls: sum(), credits: sum() }),
      refunds: t.Array(t.Object({ position: text, requestId: text, credits: count })),
      held: t.Array(t.Object({ position: text, requestId: text, credits: count })),
      seller: t.Optional(
        t.Object(
          { name: text, address: t.Array(text) },
          { description: 'Who sells, as the configuration says.' },
        ),
      ),
      buyer: t.Optional(Profile),
    },
    { description: "A month's statement; every figure names the positions it is the sum of." },
  ),
)
