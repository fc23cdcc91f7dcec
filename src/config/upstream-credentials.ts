/**
 * What the gateway adds to the requests of an upstream, with the secrets of the environment. They are read here, once, for
 * the upstreams that are really called, and are in no other part of the configuration.
 */
import type { Fault } from '../lib/fault.ts'
import { Secret } from '../lib/secret.ts'
import { minSecretLength } from '../lib/secret-forms.ts'
import type { Config, Upstream } from './config.ts'
import type { OwnField } from './file/service.ts'

export interface Credentials {
  readonly headers: readonly (readonly [name: string, value: Secret])[]
  /** By the parameter's name, before it is encoded. */
  readonly query: readonly (readonly [name: string, value: Secret])[]
  /** What of it is secret, as the environment has it. */
  readonly secrets: readonly Secret[]
}

/** What a demo service is sent. */
export const noCredentials: Credentials = { headers: [], query: [], secrets: [] }

/** The value of an environment variable; undefined where it is not set. */
export type Variable = (name: string) => string | undefined

/**
 * @param service its name, for problems
 * @param mode for `url` and `targets`, or for `testUrl`
 * @param faults gets what is missing, by the variable's name and never with its value
 */
export function readCredentials(
  service: string,
  { headers, query }: Upstream,
  mode: 'live' | 'test',
  variable: Variable,
  faults: Fault[],
): Credentials {
  const secrets: Secret[] = []
  const read = (part: 'headers' | 'query', fields: Readonly<Record<string, OwnField>>) =>
    Object.entries(fields).flatMap(([name, field]) => {
      const path = ['services', service, part, name]
      const secret = 'env' in field ? secretOf(field, mode, variable) : undefined
      const value = 'value' in field ? field.value : secret && `${field.prefix ?? ''}${secret}`
      if (secret) secrets.push(new Secret(secret))
      if (secret && secret.length < minSecretLength) {
        const message = `${sourceOf(field, mode)} is shorter than ${minSecretLength} characters, too short to be kept out of logs: set a longer secret, or say \`value\` where it is none`
        faults.push({ path, message })
        return []
      }
      if (typeof value === 'string' && (part === 'query' || isHeaderValue(value))) {
        return [[name, new Secret(value)] as const]
      }
      const source = sourceOf(field, mode)
      const message =
        value === undefined
          ? `no credential, set ${source}`
          : `${source} has characters that no header can carry`
      faults.push({ path, message })
      return []
    })
  return { headers: read('headers', headers), query: read('query', query), secrets }
}

/**
 * The credentials that are missing, of the upstreams that have an address and are called.
 *
 * @param called the names of the services that some route calls
 */
export function missingCredentials(
  services: Readonly<Record<string, Upstream>>,
  called: ReadonlySet<string>,
  variable: Variable,
): Fault[] {
  const faults: Fault[] = []
  for (const [name, service] of Object.entries(services)) {
    if (!called.has(name)) continue
    if (service.urls.length > 0) readCredentials(name, service, 'live', variable, faults)
    if (service.testUrl !== undefined) readCredentials(name, service, 'test', variable, faults)
  }
  return faults
}

/** The secrets that the configuration names, where they are set: what no log may repeat. */
export function secretsOf({ services }: Pick<Config, 'services'>, variable: Variable): string[] {
  const names = Object.values(services)
    .flatMap(({ headers, query }) => [...Object.values(headers), ...Object.values(query)])
    .flatMap((field) => ('env' in field ? [field.env, field.testEnv ?? field.env] : []))
  return [...new Set(names)].flatMap((name) => variable(name)?.trim() || [])
}

/** The services that some route calls. */
export function calledServices({ routes }: Pick<Config, 'routes'>): ReadonlySet<string> {
  return new Set(
    Object.values(routes).flatMap(({ target }) =>
      target.kind === 'upstream' ? [target.service] : [],
    ),
  )
}

/** undefined: the variable is not set, or empty. */
function secretOf(field: OwnField, mode: 'live' | 'test', variable: Variable): string | undefined {
  // A file that a secret was copied from often ends with a line break.
  return variable(sourceOf(field, mode))?.trim() || undefined
}

function sourceOf(field: OwnField, mode: 'live' | 'test'): string {
  if ('value' in field) return 'the value'
  return mode === 'test' ? (field.testEnv ?? field.env) : field.env
}

function isHeaderValue(text: string): boolean {
  return /^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$/.test(text)
}
