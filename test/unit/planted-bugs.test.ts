/** A bug that is planted changes code that is there. Planting it takes minutes, and whoever changes the code learns it here. */
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bugs as ofFaults } from '../faults/bugs.ts'
import type { Edit } from '../faults/edits.ts'
import { bugs as ofSimulation } from '../simulation/bugs.ts'

const project = join(import.meta.dir, '../..')
const edits = (all: readonly { readonly name: string; readonly source?: readonly Edit[] }[]) =>
  all.flatMap(({ name, source = [] }) => source.map((edit) => [name, edit] as const))

describe('the code that is changed is there', () => {
  test.each([
    ...edits(ofFaults),
    ...edits(ofFaults.map(({ name, sql }) => ({ name, ...(sql && { source: sql }) }))),
    ...edits(ofSimulation),
  ])('%s', (_, { file, from }) => {
    expect(readFileSync(join(project, file), 'utf8').split(from)).toHaveLength(2)
  })
})
