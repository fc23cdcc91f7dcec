/**
 * From tollbook.yaml to the one configuration object. All problems are reported at once and with their lines, so that
 * whoever edits prices need not start the gateway six times.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve as resolvePath } from 'node:path'
import shippedFile from '../../tollbook.yaml' with { type: 'file' }
import type { Fault } from '../lib/fault.ts'
import { methodsOf } from '../lib/http-methods.ts'
import { mapValues } from '../lib/map-values.ts'
import { withNamedSchemas } from '../lib/named-schemas.ts'
import { pathParameterSchema, querySchema } from '../lib/parameter-schemas.ts'
import { parsePathTemplate } from '../lib/path-template.ts'
import { expectedUrl, isUpstreamUrl } from '../lib/schema-fields.ts'
import { providers } from '../providers/providers.ts'
import { unknownName } from './checks/unknown-name.ts'
import type { Config, Plan, Route, Target, Upstream } from './config.ts'
import {
  ConfigError,
  type ConfigProblem,
  printPath,
  printValue,
  problemOf,
} from './config-error.ts'
import { defaults } from './defaults.ts'
import { ConfigFile } from './file/file-schema.ts'
import type { Route as FileRoute } from './file/route.ts'
import type { Upstream as FileUpstream } from './file/service.ts'
import { identityHeaders } from './identity-headers.ts'
import { introduceSchema } from './json-schema.ts'
import { type Logo, readLogo } from './logo.ts'
import { withPlanPrices } from './plan-prices.ts'
import { withProviderDefaults } from './provider-defaults.ts'
import { routeBodyOf } from './route-body-of.ts'
import { schemaFaults } from './schema-faults.ts'
import { semanticFaults } from './semantics.ts'
import { missingCredentials } from './upstream-credentials.ts'
import { readYaml } from './yaml-file.ts'

export type Env = Readonly<Record<string, string | undefined>>

interface LoadOptions {
  readonly file?: string | undefined
  readonly env: Env
  /** The upstreams' credentials have to be there, too, as a gateway needs them. */
  readonly withCredentials?: boolean
}

/** The configuration that Tollbook comes with: three upstreams and their ten routes. An executable contains it. */
export const shippedConfigFile: string = shippedFile

/**
 * Reads and checks a configuration. Without `file`: tollbook.yaml in the working directory, else the shipped one;
 * `Config.file` says which. `env` gives the upstreams' addresses. Its GATEWAYS and TRUSTED_PROXIES win over the file,
 * because they are known where a gateway runs.
 *
 * @throws ConfigError with every problem found
 */
export function loadConfig({ file, ...options }: LoadOptions): Config {
  const source = file ?? (existsSync('tollbook.yaml') ? 'tollbook.yaml' : shippedConfigFile)
  let text: string
  try {
    text = readFileSync(source, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError(source, [{ path: '', message: `cannot be read: ${reason}` }])
  }
  return parseConfig({ text, source: nameOf(source), ...options })
}

/** The files inside an executable have paths that nobody could open. */
function nameOf(source: string): string {
  return source.startsWith('/$bunfs/') ? 'tollbook.yaml (built in)' : source
}

/**
 * Checks a configuration whose text was read already. `source` is its name in errors.
 *
 * @throws ConfigError with every problem found
 */
export function parseConfig({ text, source, env, withCredentials }: ConfigText): Config {
  const yaml = readYaml(text)
  if (yaml.problems.length > 0) throw new ConfigError(source, yaml.problems)
  const { value, faults } = readSchemas(yaml.value)
  const found = faultsOf(value, faults)
  const logo = logoOf(source, value, found)
  if (withCredentials) found.push(...credentialFaults(value, found, env))
  const problems = found.map((fault) => problemOf(fault, yaml.lineOf(fault.path)))
  if (problems.length > 0) {
    throw new ConfigError(
      source,
      problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)),
    )
  }
  return resolve(source, value as ConfigFile, env, logo)
}

/** The seller's logo, where the file names one; what is wrong with it is added to the faults. */
function logoOf(source: string, file: unknown, faults: Fault[]): Logo | undefined {
  const path = ['seller', 'logo']
  const { logo } = (file as { seller?: { logo?: unknown } } | null)?.seller ?? {}
  const isFaulty = faults.some((fault) => printPath(fault.path) === printPath(path))
  if (typeof logo !== 'string' || isFaulty) return undefined
  const read = readLogo(resolvePath(dirname(source), logo))
  if (!('fault' in read)) return read
  faults.push({ path, message: read.fault })
  return undefined
}

/** What is wrong with a configuration that was not read, but made: plain data, as a file would say it. */
export function configFaults(file: unknown): Fault[] {
  const { value, faults } = readSchemas(file)
  return faultsOf(value, faults)
}

/** A configuration of which a part was written anew: `file` is one as it was checked, but for that. */
export function checkedConfig(
  source: string,
  file: object,
): { readonly config: Config } | { readonly faults: readonly Fault[] } {
  const value = withPlanPrices(withProviderDefaults(file))
  const faults = faultsOf(value, [])
  return faults.length > 0 ? { faults } : { config: resolve(source, value as ConfigFile, {}) }
}

interface ConfigText extends Omit<LoadOptions, 'file'> {
  readonly text: string
  readonly source: string
}

/** The file with its references to the schemas that it names, and what is wrong with these; and with what its providers say. */
function readSchemas(file: unknown): { readonly value: unknown; readonly faults: Fault[] } {
  if (typeof file !== 'object' || file === null) return { value: file, faults: [] }
  const { schemas } = file as { readonly schemas?: object }
  const faults: Fault[] = []
  const value = withNamedSchemas(file, introduceSchema, (name, path) => {
    faults.push(...unknownName([...path], 'schema', name, Object.keys(schemas ?? {})))
  })
  return { value: withPlanPrices(withProviderDefaults(value)), faults }
}

function faultsOf(value: unknown, ofReferences: readonly Fault[]): Fault[] {
  const faults = [...ofReferences, ...schemaFaults(ConfigFile, value)]
  const isSound = soundParts(faults)
  return isSound ? [...faults, ...semanticFaults(value as ConfigFile, isSound)] : faults
}

/**
 * A fault inside a route, a plan or a service leaves the others to be checked against each other. After any other
 * fault the parts may not even be there: then undefined.
 */
function soundParts(
  faults: readonly Fault[],
): ((section: string, name: string) => boolean) | undefined {
  if (!faults.every(({ path }) => isPart(path[0]) && path.length > 1)) return undefined
  const unsound = new Set(faults.map(({ path }) => printPath(path.slice(0, 2))))
  return (section, name) => !unsound.has(printPath([section, name]))
}

/** What is missing for the services that are sound, whatever is wrong with the routes that call them. */
function credentialFaults(value: unknown, faults: readonly Fault[], env: Env): Fault[] {
  const isSound = soundParts(faults)
  if (!isSound) return []
  const file = value as ConfigFile
  const sound = Object.entries(file.services).filter(([name]) => isSound('services', name))
  const services = Object.fromEntries(
    sound.map(([name, service]) => [name, upstreamOf(service, env, [])]),
  )
  const called = Object.values(file.routes).map((route: Partial<FileRoute> | null) =>
    String(route?.service),
  )
  return missingCredentials(services, new Set(called), (name) => env[name])
}

function isPart(section: unknown): boolean {
  return section === 'routes' || section === 'plans' || section === 'services'
}

/** @param logo that of the seller, which drafts do without */
function resolve(source: string, file: ConfigFile, env: Env, logo?: Logo): Config {
  const problems: ConfigProblem[] = []
  const limits = { ...defaults.limits, ...file.limits }
  const refunds = { ...defaults.refunds, ...file.refunds }
  const { gateways, trustedProxies } = { ...defaults, ...file }
  const services = mapValues(file.services, (service) => upstreamOf(service, env, problems))
  const deployed = {
    gateways: numberOf('GATEWAYS', 1, env, problems) ?? gateways,
    trustedProxies: numberOf('TRUSTED_PROXIES', 0, env, problems) ?? trustedProxies,
  }
  if (problems.length > 0) throw new ConfigError('environment', problems)
  const { seller: written, ...others } = file
  const { logo: _, ...seller } = written ?? {}
  return {
    ...defaults,
    ...others,
    ...(written && { seller: { ...seller, name: written.name, ...(logo && { logo }) } }),
    ...deployed,
    file: source,
    written: file,
    services,
    routes: mapValues(file.routes, (route, id) => routeOf(id, route, limits)),
    plans: mapValues(file.plans, (plan): Plan => ({ grantable: true, ...plan })),
    limits,
    refunds,
    support: { ...defaults.support, ...file.support },
    keyHeaders: (file.keyHeaders ?? []).map((name) => name.toLowerCase()),
  }
}

/** The number in an environment variable that wins over one of the file. */
function numberOf(
  name: string,
  min: number,
  env: Env,
  problems: ConfigProblem[],
): number | undefined {
  const text = env[name]?.trim()
  if (!text) return undefined
  if (/^\d{1,6}$/.test(text) && Number(text) >= min) return Number(text)
  problems.push({ path: name, message: `expected an integer ≥ ${min}, got ${printValue(text)}` })
  return undefined
}

function upstreamOf(service: FileUpstream, env: Env, problems: ConfigProblem[]): Upstream {
  const { url, targets, testUrl, identity, headers = {}, query = {}, ...rest } = service
  const variable = service.urlEnv
  const envUrl = variable === undefined ? undefined : env[variable] || undefined
  if (variable !== undefined && envUrl !== undefined && !isUpstreamUrl(envUrl)) {
    // The value itself is not repeated: it may carry a password.
    problems.push({ path: variable, message: `expected ${expectedUrl}` })
  }
  const fileUrls = targets ?? (url === undefined ? [] : [url])
  return {
    ...rest,
    ...{ headers, query, identity: identityHeaders(identity) },
    urls: (envUrl === undefined ? fileUrls : [envUrl]).map(withoutSlash),
    ...(testUrl !== undefined && { testUrl: withoutSlash(testUrl) }),
  }
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '')
}

function routeOf(id: string, route: FileRoute, limits: Config['limits']): Route {
  const {
    service,
    upstreamPath,
    fixedResponse,
    permission,
    request,
    query,
    provider,
    method: _,
    ...rest
  } = route
  const target: Target =
    service !== undefined
      ? { kind: 'upstream', service, path: upstreamPath ?? route.path }
      : { kind: 'fixed', json: fixedResponse }
  const body = request && routeBodyOf(request)
  const maxBytes = body && 'multipart' in body ? body.multipart.maxBytes : limits.maxBodyBytes
  return {
    maxBodyBytes: maxBytes,
    timeoutMs: limits.upstreamTimeoutMs,
    encodedSlash: false,
    ...rest,
    ...(body && { request: body }),
    ...(provider && { provider: providers[provider] }),
    id,
    methods: methodsOf(route),
    parameters: parametersOf(route),
    ...(query !== undefined && {
      query: query === 'any' ? query : querySchema(query),
    }),
    permission: permission ?? service ?? '',
    target,
  }
}

function parametersOf({ path, parameters = {} }: FileRoute): Route['parameters'] {
  const { names, tail } = parsePathTemplate(path)
  return Object.fromEntries(
    names.map((name) => [name, pathParameterSchema(parameters[name], name === tail)]),
  )
}
