/** Logins that have some of the ledger's roles and nothing else, as gateways have them in production. */
import type { Sql } from '../../src/ledger/connect.ts'
import { type Role, roleNames } from '../../src/ledger/roles.ts'

interface Login {
  readonly name: string
  readonly url: string
  drop(): Promise<void>
}

/** Makes a login. Logins belong to the whole server, so it has a name of its own, and is to be dropped. */
export async function makeLogin(
  { url, owner }: { readonly url: string; readonly owner: Sql },
  ...roles: readonly Role[]
): Promise<Login> {
  const name = `${roles.join('_')}_${crypto.randomUUID().slice(0, 8)}`
  const names = roles.map((role) => roleNames[role]).join(', ')
  await owner.unsafe(`create role ${name} login password 'x' in role ${names}`)
  return {
    name,
    url: Object.assign(new URL(url), { username: name, password: 'x' }).href,
    drop: async () => void (await owner.unsafe(`drop role ${name}`)),
  }
}
