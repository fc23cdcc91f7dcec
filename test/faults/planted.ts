/**
 * Loaded before a gateway of the harness: breaks its code on purpose, where the harness says so, and lets its
 * clock be moved. The product knows nothing of either.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { plugin } from 'bun'
import { type Edit, edited } from './edits.ts'

const root = join(import.meta.dir, '../..')
const edits: Edit[] = JSON.parse(process.env.TOLLBOOK_FAULTS_EDITS ?? '[]')
const files = new Set(edits.map(({ file }) => join(root, file)))

if (files.size > 0) {
  plugin({
    name: 'planted bugs',
    setup(build) {
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, 'utf8')
        const mine = edits.filter(({ file }) => join(root, file) === path)
        return { contents: mine.reduce(edited, text), loader: 'ts' }
      })
    },
  })
}

/** Each SIGUSR2 moves this process's clock on: an hour forward, an hour back, right again. */
const shifts = [0, 3_600_000, -3_600_000]
let at = 0
const RealDate = Date
globalThis.Date = class extends RealDate {
  constructor(...values: unknown[]) {
    if (values.length === 0) super(RealDate.now() + (shifts[at] ?? 0))
    else super(...(values as [number]))
  }
  static override now(): number {
    return RealDate.now() + (shifts[at] ?? 0)
  }
} as DateConstructor
process.on('SIGUSR2', () => {
  at = (at + 1) % shifts.length
})
