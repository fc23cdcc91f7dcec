/**
 * The forms in which a text can repeat a secret: as it is, in base64 at any place of a longer text, in hex; each in any
 * letter case, and percent-encoded up to twice, in part or whole. A URL parser encodes other characters than
 * `encodeURIComponent` does, and header names lose their letter case.
 */

/** A shorter text stands in others by chance, so it cannot be kept out of them. */
export const minSecretLength = 6

/** Whether a text repeats one of the secrets. Undefined where there are none. */
export function secretFinder(secrets: readonly string[]): ((text: string) => boolean) | undefined {
  const forms = allForms(secrets).map((form) => form.toLowerCase())
  if (forms.length === 0) return undefined
  const strippedForms = forms.map(stripped).filter(({ length }) => length >= minSecretLength)
  return (text) => {
    let decoded = text.toLowerCase()
    if (forms.some((form) => decoded.includes(form))) return true
    if (!isEncoded.test(decoded)) return false
    for (let round = 0; round < 3; round++) {
      const bare = stripped(decoded)
      if (forms.some((form) => decoded.includes(form))) return true
      if (strippedForms.some((form) => bare.includes(form))) return true
      decoded = decodedOnce(decoded)
    }
    return false
  }
}

const isEncoded = /%[0-9a-f]{2}|[\\+]/

/** Without what stands for itself in one encoding and not in another: a plus for a space, a backslash before a quote. */
function stripped(text: string): string {
  return text.replace(/[ +\\]/g, '')
}

/** Matches the secrets wherever a text repeats them, also in JSON in JSON. Undefined where there are none. */
export function secretPattern(secrets: readonly string[]): RegExp | undefined {
  const forms = allForms(secrets).map((form) => [...form].map(anySpelling).join(''))
  return forms.length === 0 ? undefined : new RegExp(forms.join('|'), 'gi')
}

function allForms(secrets: readonly string[]): string[] {
  const long = secrets.filter(({ length }) => length >= minSecretLength)
  return [...new Set(long.flatMap(formsOf))]
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const inBase64 = [0, 1, 2].flatMap((before) => {
    // The first and the last digit may have bits of what stands beside the secret.
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64url')
    const begin = Math.ceil((before * 8) / 6)
    const digits = text.slice(begin, Math.floor(((before + bytes.length) * 8) / 6))
    return [digits, digits.replaceAll('-', '+').replaceAll('_', '/')]
  })
  return [secret, ...inBase64, bytes.toString('hex')]
}

/** A character as it is, escaped in JSON, or percent-encoded once or twice. */
function anySpelling(character: string): string {
  const escaped = RegExp.escape(character)
  const bytes = [...Buffer.from(character)].map((byte) => byte.toString(16).padStart(2, '0'))
  const encoded = bytes.map((byte) => `%(?:25){0,2}${byte}`).join('')
  const more = character === ' ' ? '|\\+' : ''
  const isPlain = /[a-z0-9]/i.test(character)
  return isPlain
    ? `(?:${escaped}|${encoded})`
    : `(?:\\\\{0,3}${escaped}|\\\\{1,3}u${unitsOf(character)}|${encoded}${more})`
}

function unitsOf(character: string): string {
  return character
    .split('')
    .map((unit) => unit.charCodeAt(0).toString(16).padStart(4, '0'))
    .join('\\\\{1,3}u')
}

/** As UTF-8. Percent signs that begin no byte stay as they are. */
function decodedOnce(text: string): string {
  if (!text.includes('%')) return text
  return text.replace(/(?:%[0-9a-f]{2})+/g, (encoded) =>
    Buffer.from(encoded.replaceAll('%', ''), 'hex').toString().toLowerCase(),
  )
}
