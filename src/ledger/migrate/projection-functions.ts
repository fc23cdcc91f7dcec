/** The SQL functions that feed projections with the log's events, made of the projections' mappings. */
import { projections } from '../../../projections/index.ts'
import type { Projection } from '../../../projections/projection.ts'
import { fillIn } from '../sql/fill-in.ts'
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
      const hasRows = condition ? ` and v_met[${conditions.push(condition)}]` : ''
      return `-- ${name}
if v_types && '{${eventTypes.join(', ')}}'${hasRows} then
  ${sql};
end if;`
    }),
  )
  return fillIn(projectInline, {
    conditions: conditions.map((condition) => `bool_or(${condition})`).join(', '),
    statements: statements.join('\n'),
  })
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
