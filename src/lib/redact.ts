/**
 * Replaces secrets in what is logged. No part of the program logs a secret on purpose; this is for the
 * error message, the path or the library that carries one all the same.
 */

/**
 * A function that replaces keys, tokens and the passwords of addresses in a text. The replacements are
 * plain ASCII, so JSON stays JSON.
 */
export function redactor(keyPrefixes: readonly string[]): (text: string) => string {
  const key = new RegExp(`(${keyPrefixes.map(RegExp.escape).join('|')})[\\w-]{8,}`, 'g')
  return (text) =>
    text
      .replace(key, '$1[secret]')
      .replace(authorization, '$1 [secret]')
      .replace(jsonWebToken, '[token]')
      .replace(password, '$1:[secret]@')
      .replace(passwordParameter, '$1=[secret]')
}

const authorization = /\b(Bearer|Basic) +[\w.~+/=-]{16,}/gi
const jsonWebToken = /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g
const password = /([a-z][a-z0-9+]*:\/\/[^\s:@/"\\]*):[^\s@/"\\]+@/gi
const passwordParameter = /\b((?:ssl)?password) *= *(?:'[^'"\\]*'|[^\s&'"\\]+)/gi
