/**
 * Replaces secrets in what is logged. No part of the program logs a secret on purpose; this is for the
 * error message, the path or the library that carries one all the same.
 */

import { secretPattern } from './secret-forms.ts'

/**
 * A function that replaces keys, tokens and the passwords of addresses in a text. The replacements are
 * plain ASCII, so JSON stays JSON.
 *
 * @param secrets texts that are replaced wherever they stand, in any of their forms (secret-forms.ts)
 */
export function redactor(
  keyPrefixes: readonly string[],
  secrets: readonly string[] = [],
): (text: string) => string {
  const key = new RegExp(`(${keyPrefixes.map(RegExp.escape).join('|')})[\\w-]{8,}`, 'g')
  const known = secretPattern(secrets)
  return (text) =>
    withoutTokens(known ? text.replace(known, '[secret]') : text)
      .replace(key, '$1[secret]')
      .replace(authorization, '$1 [secret]')
      .replace(password, '://$1:[secret]@')
      .replace(passwordParameter, '$1=[secret]')
}

const authorization = /\b(Bearer|Basic) +[\w.~+/=-]{16,}/gi
/** It begins at what no name of a scheme has, so that a long word is read once and not from each of its letters. */
const password = /:\/\/([^\s:@/"\\]*):[^\s@/"\\]+@/g
const passwordParameter = /\b((?:ssl|sentinel)?password) *= *(?:'[^'"\\]*'|[^\s&'"\\]+)/gi

/** A run of characters that tokens and their dots are made of: each character of a text is in one run. */
const run = /[\w.-]+/g

/** JSON Web Tokens are three parts with dots between them, of which the first begins as `{"` does in base64. */
function withoutTokens(text: string): string {
  if (!text.includes('eyJ')) return text
  return text.replace(run, (found) => {
    const parts = found.split('.')
    for (let at = 0; at + 2 < parts.length; at++) {
      const begin = (parts[at] as string).search(tokenBegin)
      if (begin < 0 || parts[at + 1] === '') continue
      parts.splice(at, 3, `${(parts[at] as string).slice(0, begin)}[token]`)
    }
    return parts.join('.')
  })
}

const tokenBegin = /\beyJ[\w-]{8,}$/
