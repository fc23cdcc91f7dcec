/** Those of the named schemas that routes refer to, and those that these refer to. */
import { isMapping } from '../../lib/is-mapping.ts'
import type { JsonSchema } from '../json-schema.ts'

export function usedSchemas(
  routes: readonly unknown[],
  named: Readonly<Record<string, JsonSchema>>,
): Record<string, JsonSchema> {
  const used = new Set<string>()
  const open: unknown[] = [...routes]
  while (open.length > 0) {
    const value = open.pop()
    if (Array.isArray(value)) for (const part of value) open.push(part)
    else if (isMapping(value)) {
      const { $ref } = value
      const name = typeof $ref === 'string' ? $ref.replace('#/schemas/', '') : undefined
      if (name !== undefined && Object.hasOwn(named, name) && !used.has(name)) {
        used.add(name)
        open.push(named[name])
      }
      for (const part of Object.values(value)) open.push(part)
    }
  }
  return Object.fromEntries(Object.entries(named).filter(([name]) => used.has(name)))
}
