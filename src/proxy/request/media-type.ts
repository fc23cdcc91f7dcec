/** A Content-Type, read strictly: of one that is written twice or half, two readers would make different types. */

interface MediaType {
  /** Without parameters, in lower case. */
  readonly name: string
  /** By their names in lower case. */
  readonly parameters: ReadonlyMap<string, string>
}

const token = "[\\w!#$%&'*+.^`|~-]+"
/** Programs do not quote all that they should. A comma would be the join of two headers. */
const parameter = new RegExp(`;[ \\t]*(${token})=(?:([^\\s";,]+)|"([ !#-[\\]-~]*)")[ \\t]*`, 'g')
/** `image/*` is a range of types, and no type. */
const nameToken = token.replace('*', '')
const whole = new RegExp(`^(${nameToken}/${nameToken})[ \\t]*((?:${parameter.source})*);?$`)

/** undefined for what is no media type, or says a parameter twice. */
export function mediaTypeOf(contentType: string | null): MediaType | undefined {
  const [, name, rest] = whole.exec(contentType?.trim() ?? '') ?? []
  if (name === undefined || rest === undefined) return undefined
  const parameters = new Map<string, string>()
  for (const [, key = '', plain, quoted] of rest.matchAll(parameter)) {
    const lower = key.toLowerCase()
    if (parameters.has(lower)) return undefined
    parameters.set(lower, plain ?? quoted ?? '')
  }
  return { name: name.toLowerCase(), parameters }
}

/** Stands for all types. */
export const anyType = '*/*'

/** Whether one of the allowed types is this one; `image/*` stands for all of its kind. */
export function isOneOf(allowed: readonly string[], name: string): boolean {
  return allowed.some((type) => {
    if (type === anyType) return true
    return type.endsWith('/*') ? name.startsWith(type.slice(0, -1)) : type === name
  })
}
