/**
 * Formats and a keyword of JSON Schema whose checks in Ajv take quadratic time, checked in linear time: what they look at
 * comes from strangers and can be as long as a body.
 */
import { isIPv6 } from 'node:net'
import type { AnySchemaObject } from 'ajv'
import type { Ajv2020, FuncKeywordDefinition } from 'ajv/dist/2020.js'
import type { DataValidateFunction } from 'ajv/dist/types/index.js'
import { canonicalJson } from '../../events/canonical-json.ts'

const formats = {
  url: isUrl,
  byte: isBase64,
  uri: isUri,
  'uri-reference': isUriReference,
  iri: isUri,
  'iri-reference': isUriReference,
  'uri-template': isUriTemplate,
  email: isEmail,
  'json-pointer': isJsonPointer,
  'json-pointer-uri-fragment': isPointerFragment,
  'relative-json-pointer': isRelativePointer,
}

/** Replaces them in `ajv`. To be called after the formats are added, and before a schema is compiled. */
export function useLinearChecks(ajv: Ajv2020): void {
  for (const [name, check] of Object.entries(formats)) ajv.addFormat(name, check)
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword(uniqueItems)
}

/**
 * Where all faults are looked for, a text that is longer than its `maxLength` is not compared with its `pattern`, either:
 * a pattern can take very long for a text that is made for it, and the length is its bound.
 */
export function boundPatterns(ajv: Ajv2020): void {
  ajv.removeKeyword('pattern')
  ajv.addKeyword({
    ...{ keyword: 'pattern', type: 'string', schemaType: 'string', errors: true },
    compile(pattern: string, { maxLength }: AnySchemaObject) {
      const expression = new RegExp(pattern, 'u')
      const error = { keyword: 'pattern', message: `must match pattern "${pattern}"` }
      const fits: DataValidateFunction = (text: string) => {
        if (isLonger(text, maxLength) || expression.test(text)) return true
        fits.errors = [{ ...error, params: { pattern } }]
        return false
      }
      return fits
    },
  })
}

/** Lengths are counted in characters, of which some are two units of a text. */
function isLonger(text: string, maxLength = Number.POSITIVE_INFINITY): boolean {
  return text.length > maxLength && [...text].length > maxLength
}

/** As `url` of ajv-formats: HTTP(S) or FTP at a public name or address, so no host without a dot and no private address. */
function isUrl(text: string): boolean {
  // A URL parser would correct what these refuse.
  if (!/^(?:https?|ftp):\/\/[^/]/i.test(text) || /[\s\\]/.test(text)) return false
  if (!URL.canParse(text)) return false
  const { hostname } = new URL(text)
  if (/^[\d.]+$/.test(hostname)) return isPublic(hostname.split('.').map(Number))
  const labels = hostname.split('.')
  return (
    labels.length > 1 &&
    labels.every((label) => /^[a-z0-9-]+$/.test(label) && !/^-|-$/.test(label)) &&
    /^(?:[a-z]{2,}|xn--.+)$/.test(labels.at(-1) ?? '')
  )
}

function isPublic([a = 0, b = 0, , d = 0]: readonly number[]): boolean {
  if (a === 0 || a > 223 || d === 0 || d === 255) return false
  if (a === 10 || a === 127) return false
  if ((a === 169 && b === 254) || (a === 192 && b === 168)) return false
  return !(a === 172 && b >= 16 && b <= 31)
}

/** Base64 with its padding, whole: ajv-formats is content with one line of it. */
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}

/**
 * RFC 3986, as ajv-formats reads it: with a scheme, and something behind it; and RFC 3987, because addresses with the letters of
 * other languages are what people write. A port is one that there can be.
 */
function isUri(iri: string): boolean {
  const text = asUri(iri)
  const [scheme = ''] = schemePattern.exec(text) ?? []
  return (
    scheme !== '' &&
    !text.includes('"') &&
    hasHierarchy(text.slice(scheme.length)) &&
    isReference(text.slice(scheme.length))
  )
}

function isUriReference(iri: string): boolean {
  const text = asUri(iri)
  const [scheme = ''] = schemePattern.exec(text) ?? []
  return isReference(text.slice(scheme.length))
}

/** The text with a letter in place of each character that an IRI can have and a URI cannot. Those of no language stay. */
function asUri(iri: string): string {
  return iri.replace(/[^\0-\x7f\p{C}\p{Z}]/gu, 'a')
}

function hasHierarchy(text: string): boolean {
  return !/^(?:[?#]|$)/.test(text)
}

const schemePattern = /^[a-z][a-z0-9+.-]*:/i

function isReference(text: string): boolean {
  if (!isPercentEncoded(text)) return false
  const [, hierarchy = '', query = '', fragment = ''] = parts.exec(text) ?? []
  const [, port = 0] = /^\/\/[^/]*:(\d+)(?:\/|$)/.exec(hierarchy) ?? []
  if (Number(port) > 65_535) return false
  if (!/^[a-z0-9._~!$&'"()*+,;=:@/?%-]*$/i.test(query + fragment)) return false
  if (isPath(hierarchy)) return true
  // Only an address in brackets is no path as well.
  const [, authority, path = ''] = /^\/?\/([^/]+)(\/.*)?$/s.exec(hierarchy) ?? []
  return authority !== undefined && isPath(path) && isAddress(authority)
}

function isPath(text: string): boolean {
  return /^[a-z0-9._~!$&'"()*+,;=:@/%-]*$/i.test(text)
}

const parts = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s

function isAddress(text: string): boolean {
  const at = text.indexOf('@')
  if (at >= 0 && !/^[a-z0-9._~!$&'()*+,;=:%-]*$/i.test(text.slice(0, at))) return false
  const literal = /^\[([^\]]*)\](?::\d*)?$/.exec(text.slice(at + 1))?.[1] ?? ''
  return isIPv6(literal) || /^v[0-9a-f]+\.[a-z0-9._~!$&'()*+,;=:-]+$/i.test(literal)
}

/** RFC 6570. */
function isUriTemplate(text: string): boolean {
  if (!isPercentEncoded(text)) return false
  const rest = text.replace(/\{[^{}]*\}/g, (expression) =>
    isExpression(expression.slice(1, -1)) ? '' : '{',
  )
  return /^[^\0-\x20"'<>\\^`{|}]*$/.test(rest)
}

function isExpression(text: string): boolean {
  const variables = text.replace(/^[+#./;?&=,!@|]/, '').split(',')
  return variables.every((name) => /^[a-z0-9_%]+(?::[1-9]\d{0,3}|\*)?$/i.test(name))
}

function isEmail(text: string): boolean {
  const [local = '', domain = '', ...more] = text.split('@')
  const labels = domain.split('.')
  return (
    more.length === 0 &&
    local.split('.').every((word) => /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+$/i.test(word)) &&
    labels.length > 1 &&
    labels.every((label) => /^[a-z0-9-]+$/i.test(label) && !/^-|-$/.test(label))
  )
}

/** RFC 6901. */
function isJsonPointer(text: string): boolean {
  return text === '' || (text.startsWith('/') && !/~(?![01])/.test(text))
}

function isPointerFragment(text: string): boolean {
  const isPlain = /^#(?:\/[a-z0-9_.!$&'()*+,;:=@%~/-]*)?$/i.test(text)
  return isPlain && isPercentEncoded(text) && isJsonPointer(text.slice(1))
}

function isRelativePointer(text: string): boolean {
  const [up] = /^(?:0|[1-9]\d*)/.exec(text) ?? []
  const rest = text.slice(up?.length)
  return up !== undefined && (rest === '#' || isJsonPointer(rest))
}

function isPercentEncoded(text: string): boolean {
  return !/%(?![0-9a-f]{2})/i.test(text)
}

/** Two items are the same when their canonical JSON is. Each is looked at once, and not compared with every other one. */
const uniqueItems: FuncKeywordDefinition = {
  ...{ keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', errors: true },
  validate: Object.assign(checkUnique, { errors: [] as { keyword: string }[] }),
}

function checkUnique(isWanted: boolean, items: readonly unknown[]): boolean {
  if (!isWanted) return true
  const known = new Map<unknown, number>()
  for (const [index, item] of items.entries()) {
    // A text is no list's or mapping's canonical form: those are kept with a mark before them.
    const isNested = typeof item === 'object' && item !== null
    const key = isNested ? nested + canonicalJson(item) : item
    const first = known.get(key)
    if (first !== undefined) {
      const message = `must NOT have duplicate items (items ## ${first} and ${index} are identical)`
      Object.assign(uniqueItems.validate as object, {
        errors: [{ keyword: 'uniqueItems', message, params: { i: index, j: first } }],
      })
      return false
    }
    known.set(key, index)
  }
  return true
}

/** No text from JSON that the gateway takes has it. */
const nested = '\0'
