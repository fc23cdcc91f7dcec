/**
 * Names that another reader takes for one that the price counts. A schema that admits fields which it does not list would
 * let `{"n": 1, "N": 10}` pass: charged for 1, it is 10 to readers that compare names without their case (Go, ASP.NET), and
 * in a form `n[]` or `n.x` can replace `n` (PHP). So beside a counted name no other may look like it.
 */
import { isMapping } from '../lib/is-mapping.ts'
import { pointerStep, pointerSteps } from '../lib/json-pointer.ts'
import { dereferenced } from '../lib/named-schemas.ts'

type Schema = Readonly<Record<string, unknown>>

/** An object on the way to what is counted, whose schema admits names that it does not list. */
interface OpenObject {
  /** The steps to the object. */
  readonly steps: readonly string[]
  /** The name in it that leads on. */
  readonly name: string
  /** How a name like it reads. */
  readonly reading: string
  /** Names that the schema lists: what they mean beside each other is the operator's to say. */
  readonly listed: ReadonlySet<string>
}

/** Where a name stands that looks like another. */
interface Lookalike {
  readonly pointer: string
  /** The name that it looks like. */
  readonly name: string
}

/** Looks for a lookalike in a document that fits the schema. */
export type FindLookalike = (json: unknown) => Lookalike | undefined

/**
 * What looks for lookalikes of the names at these pointers; undefined where the schema admits none.
 * @param schema of the whole document
 */
export function lookalikeFinder(
  schema: Schema,
  pointers: readonly string[],
): FindLookalike | undefined {
  const objects = pointers.flatMap((pointer) => openObjects(schema, pointerSteps(pointer)))
  return objects.length === 0 ? undefined : (json) => findIn(objects, json)
}

function openObjects(schema: Schema, steps: readonly string[]): OpenObject[] {
  const objects: OpenObject[] = []
  let at: Schema = dereferenced(schema)
  for (const [index, name] of steps.entries()) {
    const properties = isMapping(at.properties) ? at.properties : {}
    if (at.additionalProperties !== false || at.patternProperties !== undefined) {
      const listed = new Set(Object.keys(properties))
      objects.push({ steps: steps.slice(0, index), name, reading: readingOf(name), listed })
    }
    const next = Object.hasOwn(properties, name) ? properties[name] : undefined
    at = isMapping(next) ? dereferenced(next) : {}
  }
  return objects
}

function findIn(objects: readonly OpenObject[], json: unknown): Lookalike | undefined {
  for (const { steps, name, reading, listed } of objects) {
    let at = json
    for (const step of steps) at = isMapping(at) && Object.hasOwn(at, step) ? at[step] : undefined
    if (!isMapping(at)) continue
    for (const other of Object.keys(at)) {
      if (other === name || listed.has(other)) continue
      if (readingOf(other) !== reading && readingOf(cut(other)) !== reading) continue
      return { pointer: steps.map(pointerStep).join('') + pointerStep(other), name }
    }
  }
  return undefined
}

/** A name as the most lenient readers compare it: without its case, its width, and what is no letter and no digit. */
function readingOf(name: string): string {
  const folded = /^\w*$/.test(name)
    ? name.toLowerCase()
    : name.normalize('NFKC').toUpperCase().toLowerCase()
  // A name that has neither letters nor digits is compared as it is.
  return folded.replace(/[^\p{L}\p{N}]/gu, '') || folded
}

/** What stands before the first character that ends a name to some reader, such as the `[` of `n[]`. */
function cut(name: string): string {
  const [first = ''] = /[^[\].;"'\0]+/.exec(name) ?? []
  return first
}
