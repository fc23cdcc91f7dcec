/**
 * Replaces secrets in what is logged. No part of the program logs a secret on purpose; this is for the
 * error message, the path or the library that carries one all the same.
 */

/**
 * A function that replaces keys, tokens and the passwords of addresses in a text. The replacements are
 * plain ASCII, so JSON stays JSON.
 *
 * @param secrets texts that are replaced wherever they stand; shorter ones than six characters are no secrets
 */
export function redactor(
  keyPrefixes: readonly string[],
  secrets: readonly string[] = [],
): (text: string) => string {
  const key = new RegExp(`(${keyPrefixes.map(RegExp.escape).join('|')})[\\w-]{8,}`, 'g')
  const known = knownSecrets(secrets)
  return (text) =>
    (known ? text.replace(known, '[secret]') : text)
      .replace(key, '$1[secret]')
      .replace(authorization, '$1 [secret]')
      .replace(jsonWebToken, '[token]')
      .replace(password, '$1:[secret]@')
      .replace(passwordParameter, '$1=[secret]')
}

/** As they are, as JSON has them, and as an address has them. */
function knownSecrets(secrets: readonly string[]): RegExp | undefined {
  const forms = secrets
    .filter(({ length }) => length >= 6)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])
  return forms.length === 0 ? undefined : new RegExp(forms.map(RegExp.escape).join('|'), 'g')
}

const authorization = /\b(Bearer|Basic) +[\w.~+/=-]{16,}/gi
const jsonWebToken = /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g
const password = /([a-z][a-z0-9+]*:\/\/[^\s:@/"\\]*):[^\s@/"\\]+@/gi
const passwordParameter = /\b((?:ssl)?password) *= *(?:'[^'"\\]*'|[^\s&'"\\]+)/gi
