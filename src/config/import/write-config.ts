/**
 * An imported configuration as YAML, for people: what is short stands on one line. Of a large document the schemas stand
 * on one line each, as JSON, which is read much faster (yaml-file.ts).
 *
 * Everything in it may be a stranger's text: it is quoted wherever it could mean anything but itself, and comments have
 * one line.
 */
import { isMapping } from '../../lib/is-mapping.ts'
import { printable } from '../../lib/printable-text.ts'
import type { ConfigFile } from '../file/file-schema.ts'
import type { ImportReport } from './import-openapi.ts'
import type { Mapping } from './openapi-document.ts'

export function writeConfig(file: ConfigFile, report: ImportReport): string {
  const { services, plans, defaultPlan, routes, schemas = {} } = file
  const isLarge = JSON.stringify({ routes, schemas }).length > maxReadableLength
  const onOneLine = isLarge
    ? new Set(['parameters', 'query', 'request', 'response'])
    : new Set<string>()
  const lines = [
    ...headOf(report).map((line) => `# ${line}`.trim()),
    '',
    'services:',
    ...entry('  ', services),
    ...report.credentials.map((line) => `  # It seems to need: ${line}`),
    '',
    'plans:',
    '  # Decide what an account may do, and what a month costs.',
    ...entry('  ', plans),
    `defaultPlan: ${defaultPlan}`,
    '',
    Object.keys(routes).length > 0 ? 'routes:' : 'routes: {}',
    '  # The id names the price in the ledger and the endpoint in statements.',
    ...Object.entries(routes).flatMap(([id, route]) => [
      `  ${key(id)}:`,
      ...Object.entries(route).flatMap(([name, value]) =>
        onOneLine.has(name) ? [`    ${name}: ${json(value)}`] : field('    ', name, value),
      ),
    ]),
    ...(Object.keys(schemas).length > 0 ? ['', 'schemas:'] : []),
    ...Object.entries(schemas).flatMap(([name, schema]) =>
      isLarge ? [`  ${key(name)}: ${json(schema)}`] : field('  ', name, schema),
    ),
  ]
  return `${lines.join('\n')}\n`
}

/** In characters of JSON. */
const maxReadableLength = 300_000

const maxListed = 100

function headOf(report: ImportReport): string[] {
  const { source, title, openapi, operations, routes, leftOut, notes } = report
  return [
    `Imported from ${source}${title && `: ${title}`} (OpenAPI ${openapi}): ${routes} of ${operations} operations.`,
    ...(leftOut.length > 0 ? ['', 'Left out:'] : []),
    ...shortened(leftOut.map(({ operation, reason }) => `  ${operation}: ${reason}`)),
    ...(notes.length > 0 ? ['', 'Not as the document says it:'] : []),
    ...shortened(notes.map(({ what, operations: all }) => `  ${what} (${namesOf(all)})`)),
  ]
}

/** `GET /a, GET /b and 7 more` */
export function namesOf(operations: readonly string[]): string {
  const shown = operations.slice(0, 2).join(', ')
  return operations.length > 2 ? `${shown} and ${operations.length - 2} more` : shown
}

function shortened(lines: readonly string[]): readonly string[] {
  const more = lines.length - maxListed
  return more > 0 ? [...lines.slice(0, maxListed), `  and ${more} more`] : lines
}

function entry(indent: string, mapping: Mapping): string[] {
  return Object.entries(mapping).flatMap(([name, value]) => field(indent, name, value))
}

const lineWidth = 110

/** The lines of a field. */
function field(indent: string, name: string, value: unknown): string[] {
  const start = `${indent}${key(name)}:`
  const short = flow(value)
  if (typeof value !== 'object' || value === null) return [`${start} ${scalar(value)}`]
  if (start.length + short.length < lineWidth && short !== undefined) return [`${start} ${short}`]
  if (Array.isArray(value)) {
    return [
      start,
      ...value.map((item) => `${indent}  - ${isMapping(item) ? json(item) : flow(item)}`),
    ]
  }
  return [start, ...entry(`${indent}  `, value as Mapping)]
}

/** On one line, as people write it. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (!isMapping(value)) return scalar(value)
  const fields = Object.entries(value).map(([name, part]) => `${key(name)}: ${flow(part)}`)
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
}

function scalar(value: unknown): string {
  return typeof value === 'string' && isPlain(value) ? value : json(value)
}

function key(name: string): string {
  return isPlain(name) ? name : json(name)
}

/** Whether YAML reads the text as itself, in braces, too. */
function isPlain(text: string): boolean {
  if (!/^[$A-Za-z/][$A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*$/.test(text)) return false
  return !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text)
}

/** JSON, which YAML reads as itself, less the characters that YAML or a terminal does not print. */
function json(value: unknown): string {
  return printable(JSON.stringify(value ?? null)).replace(
    /[\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
