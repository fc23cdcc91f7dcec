/**
 * One text per value. Hashes of tariffs, requests and commands are taken over it, so it must not depend on the order in
 * which an object's fields were written. It is the form of RFC 8785: keys are sorted by UTF-16 units, there is no white
 * space, and numbers are as ECMAScript prints them.
 */

/**
 * The canonical JSON text of plain JSON data. Fields whose value is undefined are left out.
 *
 * @throws TypeError for what JSON cannot represent without loss: NaN, infinities, bigints, functions,
 *   undefined in a list, lone surrogates, and objects that are neither lists nor plain.
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quoted(value)
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`JSON has no ${value}`)
      return JSON.stringify(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      if (value === null) return 'null'
      return Array.isArray(value) ? listOf(value) : objectOf(value)
    default:
      throw new TypeError(`JSON has no ${typeof value}`)
  }
}

function listOf(list: readonly unknown[]): string {
  let text = '['
  for (let index = 0; index < list.length; index++) {
    text += `${index === 0 ? '' : ','}${canonicalJson(list[index])}`
  }
  return `${text}]`
}

function objectOf(object: object): string {
  // A Date or a Map would silently become {} or lose its type.
  const prototype = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`JSON has no ${object.constructor?.name ?? 'such object'}`)
  }
  let text = '{'
  for (const key of Object.keys(object).sort()) {
    const value: unknown = (object as Record<string, unknown>)[key]
    if (value === undefined) continue
    text += `${text === '{' ? '' : ','}${quoted(key)}:${canonicalJson(value)}`
  }
  return `${text}}`
}

function quoted(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('JSON text with a lone surrogate')
  return JSON.stringify(text)
}
