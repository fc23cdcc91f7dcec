/**
 * Operator keys: secrets with which programs come as operators, without a token. Each request looks its key up, so one that is revoked, rotated or
 * over is refused from the next request on.
 */
import { operatorKeyPrefix } from '../../config/operator-key-prefix.ts'
import { hashKey } from '../../gate/authenticate/key-format.ts'
import { isOperatorKey } from '../../gate/authenticate/operator-key-format.ts'
import type { Sql } from '../../ledger/connect.ts'
import { findOperatorKey } from '../../ledger/read/read-operator-keys.ts'
import type { Principal } from './auth.ts'
import { openUnknownSecrets } from './unknown-secrets.ts'

export interface OperatorKeyLookup {
  /**
   * The principal of an operator key; undefined for a text that is none, or is one no more.
   * @param text begins as operator keys do
   * @param client the address of the request's client
   */
  authenticate(text: string, client: string): Promise<Principal | undefined>
}

/** @param sql connects as the role of management */
export function openOperatorKeyLookup(sql: Sql): OperatorKeyLookup {
  const unknownSecrets = openUnknownSecrets()
  return {
    async authenticate(text, client) {
      if (!isOperatorKey(text)) return undefined
      const hash = hashKey(text)
      if (!(await unknownSecrets.mayLookUp(hash, client))) return undefined
      const found = await findOperatorKey(sql, hash)
      if (!found) return undefined
      unknownSecrets.know(hash)
      return { subject: found.id, role: found.role, isOperatorKey: true }
    },
  }
}

/** Whether a bearer token is meant as an operator key. */
export function looksLikeOperatorKey(token: string): boolean {
  return token.startsWith(operatorKeyPrefix)
}
