/** What `migrate` makes of an empty schema, as SQL: the one place that says which tables, functions and triggers there are. */
import { projections } from '../../../projections/index.ts'
import { functions } from '../sql/functions/index.ts'
import triggers from '../sql/triggers.sql' with { type: 'text' }
import { migrationsTable, migrationTexts } from './migrations.ts'
import { projectionFunctions } from './projection-functions.ts'

/** In their order. Each finds what it names by the search path. Partitions are made by the function `make_partitions`. */
export function schemaTexts(): string[] {
  return [
    migrationsTable,
    ...migrationTexts,
    ...projections.flatMap(({ tables }) => tables),
    ...codeTexts(),
  ]
}

/** Functions and triggers: they are code, and replaced by every `migrate`. */
export function codeTexts(): string[] {
  return [...functions, ...projectionFunctions(), triggers]
}
