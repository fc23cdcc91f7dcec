/** The SQL functions that feed projections with the log's events, made of the projections' mappings. */
import { frequentTypes } from '../../../events/event-types.ts'
import { typeList } from '../../../events/type-condition.ts'
import { projections } from '../../../projections/index.ts'
import type { Projection } from '../../../projections/projection.ts'
import { fillIn } from '../sql/fill-in.ts'
import { brokenRule } from '../sql/fragments/index.ts'
import catchUp from '../sql/projections/catch_up.sql' with { type: 'text' }
import projectInline from '../sql/projections/project_inline.sql' with { type: 'text' }

export function projectionFunctions(): string[] {
  return [inlineFunction(), ...ofMode('catch-up').map(catchUpFunction)]
}

export function catchUpFunctionNames(): string[] {
  return ofMode('catch-up').map(({ name }) => `catch_up_${name}`)
}

function ofMode(mode: Projection['mode']): readonly Projection[] {
  return projections.filter((projection) => projection.mode === mode)
}

function inlineFunction(): string {
  const conditions: string[] = []
  const statements = ofMode('inline').flatMap(({ name, apply }) =>
    apply.map(({ eventTypes, condition, sql }) => {
      if (condition && !conditions.includes(condition)) conditions.push(condition)
      const hasRows = condition ? ` and v_met[${conditions.indexOf(condition) + 1}]` : ''
      const text = `-- ${name}
if v_types && '{${eventTypes.join(', ')}}'${hasRows} then
  ${sql};
end if;`
      const isRare =
        condition !== undefined || !eventTypes.some((type) => frequentTypes.includes(type))
      return { isRare, text }
    }),
  )
  return fillIn(projectInline, {
    conditions: conditions.map((condition) => `bool_or(${condition})`).join(', '),
    broken_rule: brokenRule,
    frequent_types: typeList(frequentTypes),
    statements: askingOnceForRare(statements).join('\n'),
  })
}

/** Each question costs an append of a single call as much as a look-up, so neighbours that nearly no call needs have one in common. */
function askingOnceForRare(
  statements: readonly { readonly isRare: boolean; readonly text: string }[],
): string[] {
  return statements.flatMap(({ isRare, text }, i) => [
    ...(isRare && !statements[i - 1]?.isRare ? ['if v_is_rare then'] : []),
    text,
    ...(isRare && !statements[i + 1]?.isRare ? ['end if;'] : []),
  ])
}

function catchUpFunction({ name, apply, eventFilter }: Projection): string {
  const statements = apply.map(
    ({ sql }) => `with batch as (
  select * from events
  where shard = in_shard and position > v_from and position <= v_to and (${eventFilter})
)
${sql};`,
  )
  return fillIn(catchUp, { projection: name, statements: statements.join('\n') })
}
