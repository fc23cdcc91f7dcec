/** Where a database is and how to log in, as a connection string and the environment say it together. */

export interface DatabaseAddress {
  /** In the order in which they are tried. */
  readonly hosts: readonly Host[]
  readonly database: string
  readonly user: string
  readonly password: string
  readonly tls: Tls
  /** Which server is wanted; `any` takes the first that can be reached. */
  readonly server: ServerKind
  /** For each host. */
  readonly connectTimeoutSeconds: number
  readonly keepAliveSeconds: number
  readonly applicationName: string | undefined
  /** Settings of the session, as in `-c statement_timeout=5s`. */
  readonly options: string | undefined
}

export interface Host {
  /** A name, an address, or the folder of a Unix-domain socket. */
  readonly name: string
  readonly port: number
  /** The address to connect to, where it is not looked up by the name. */
  readonly address?: string
}

export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

export interface Tls {
  readonly mode: TlsMode
  /** TLS from the first byte, without asking the server before. */
  readonly direct: boolean
  /** Files. The roots can also be those of the system. */
  readonly rootCertificate: string | 'system' | undefined
  readonly certificate: string | undefined
  readonly key: string | undefined
  readonly keyPassword: string | undefined
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  readonly sendsServerName: boolean
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

export type ServerKind =
  | 'any'
  | 'primary'
  | 'standby'
  | 'prefer-standby'
  | 'read-write'
  | 'read-only'

export function isSocketFolder({ name }: Host): boolean {
  return name.startsWith('/')
}

/** `db-1:5432, db-2:5432`, for people; without the login. */
export function printHosts({ hosts }: Pick<DatabaseAddress, 'hosts'>): string {
  return hosts
    .map(({ name, port }) => (name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`))
    .join(', ')
}
