/** Whether what a route takes as its body makes sense. */
import type { Fault } from '../../lib/fault.ts'
import { defaults } from '../defaults.ts'
import type { ConfigFile } from '../file/file-schema.ts'
import type { Route } from '../file/route.ts'
import { schemaCheck } from '../json-schema.ts'

export function requestFaults({ method, request, response, maxBodyBytes }: Route): Fault[] {
  const faults: Fault[] = []
  if (method === 'GET' && request !== undefined) {
    faults.push({ path: ['request'], message: 'a GET takes no body' })
  }
  if (request && 'json' in request) {
    faults.push(...jsonSchemaFaults(['request', 'json'], request.json))
  }
  if (request && 'multipart' in request) {
    faults.push(...jsonSchemaFaults(['request', 'multipart', 'fields'], request.multipart.fields))
    if (maxBodyBytes !== undefined) {
      const message = 'has no effect on a form, set request.multipart.maxBytes'
      faults.push({ path: ['maxBodyBytes'], message })
    }
  }
  if (response && 'json' in response) {
    faults.push(...jsonSchemaFaults(['response', 'json'], response.json))
  }
  return faults
}

/** As load-config.ts has it. */
export function maxBodyBytes({ request, ...route }: Route, { limits }: ConfigFile): number {
  if (request && 'multipart' in request) return request.multipart.maxBytes
  return route.maxBodyBytes ?? limits?.maxBodyBytes ?? defaults.limits.maxBodyBytes
}

export function jsonSchemaFaults(
  path: string[],
  schema: Record<string, unknown> | undefined,
): Fault[] {
  if (schema === undefined) return []
  try {
    schemaCheck(schema)
    return []
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return [{ path, message: `not a JSON Schema: ${reason}` }]
  }
}
