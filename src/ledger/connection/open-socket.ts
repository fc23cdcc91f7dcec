/** A connection to one host, with TLS as the address asks for it. The client library's own TLS cannot check a server alone. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, isIP, type Socket } from 'node:net'
import { join } from 'node:path'
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect as connectTls,
  type PeerCertificate,
  rootCertificates,
} from 'node:tls'
import pTimeout from 'p-timeout'
import { type DatabaseAddress, type Host, isSocketFolder, printHosts } from './database-address.ts'

/** The message by which a client asks for TLS. The server replies with one byte, S or N. */
const tlsRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
const willUseTls = 'S'.charCodeAt(0)
const isRefused = 'E'.charCodeAt(0)

/**
 * Connects to a host.
 * @throws Error with a code when that does not succeed within the address's time
 */
export async function openSocket(host: Host, address: DatabaseAddress): Promise<Socket> {
  const { connectTimeoutSeconds: seconds } = address
  let opened: Socket | undefined
  const open = async () => {
    const use = (socket: Socket) => {
      opened = socket
    }
    try {
      return await openOnce(host, address, use)
    } catch (error) {
      // A server that offers TLS and cannot do it is no worse than one that does not offer it.
      if (address.tls.mode !== 'prefer' || !(error instanceof TlsFailed)) throw error
      return await openOnce(host, { ...address, tls: { ...address.tls, mode: 'disable' } }, use)
    }
  }
  try {
    return await pTimeout(open(), {
      milliseconds: seconds * 1_000,
      fallback() {
        const message = `${printHosts({ hosts: [host] })} did not take the connection within ${seconds} s`
        throw withCode('CONNECT_TIMEOUT', message)
      },
    })
  } catch (error) {
    opened?.on('error', () => {})
    opened?.destroy()
    throw error
  }
}

class TlsFailed extends Error {
  override readonly name = 'TlsFailed'
  readonly code = 'TLS_FAILED'
}

async function openOnce(
  host: Host,
  { tls }: DatabaseAddress,
  use: (socket: Socket) => void,
): Promise<Socket> {
  const { name, port } = host
  const isLocal = isSocketFolder(host)
  const plain = isLocal
    ? connect({ path: join(name, `.s.PGSQL.${port}`) })
    : connect({ host: host.address ?? name, port })
  use(plain)
  await once(plain, 'connect')
  plain.setNoDelay(true)
  // Nobody is between the two ends of a Unix-domain socket, and PostgreSQL offers no TLS there.
  if (isLocal || tls.mode === 'disable') return plain
  if (!tls.direct && !(await offersTls(plain))) {
    if (tls.mode === 'prefer') return plain
    throw new TlsFailed(
      `${printHosts({ hosts: [host] })} offers no TLS, and sslmode is ${tls.mode}`,
    )
  }
  const secure = connectTls({ ...tlsOptions(host, { tls }), socket: plain })
  use(secure)
  try {
    await once(secure, 'secureConnect')
  } catch (error) {
    plain.destroy()
    const reason = error instanceof Error ? error.message : String(error)
    throw new TlsFailed(`TLS with ${printHosts({ hosts: [host] })} failed: ${reason}`, {
      cause: error,
    })
  }
  return secure
}

async function offersTls(socket: Socket): Promise<boolean> {
  socket.write(tlsRequest)
  const reply = await firstReply(socket)
  // A server that cannot take a connection says so in a message of many bytes.
  if (reply[0] === isRefused)
    throw withCode('ECONNREFUSED', 'PostgreSQL did not take the connection')
  // What comes after the one byte was put there by somebody between.
  if (reply.length !== 1) throw new TlsFailed('the reply to the request for TLS is too long')
  return reply[0] === willUseTls
}

function firstReply(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.once('data', resolve)
    socket.once('error', reject)
    socket.once('close', () =>
      reject(withCode('ECONNRESET', 'PostgreSQL closed the connection at its start')),
    )
  })
}

function withCode(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

function tlsOptions({ name }: Host, { tls }: Pick<DatabaseAddress, 'tls'>): ConnectionOptions {
  const { rootCertificate, certificate, key, keyPassword, mode } = tls
  const isVerified = mode === 'verify-ca' || mode === 'verify-full'
  const roots =
    rootCertificate === 'system' ? [...rootCertificates] : rootCertificate && read(rootCertificate)
  return {
    minVersion: tls.minVersion,
    maxVersion: tls.maxVersion,
    rejectUnauthorized: isVerified,
    checkServerIdentity: (_: string, peer: PeerCertificate) =>
      mode === 'verify-full' ? checkServerIdentity(name, peer) : undefined,
    ...(tls.sendsServerName && !isIP(name) ? { servername: name } : {}),
    ...(isVerified && roots ? { ca: roots } : {}),
    ...(certificate === undefined ? {} : { cert: read(certificate) }),
    ...(key === undefined ? {} : { key: read(key) }),
    ...(keyPassword === undefined ? {} : { passphrase: keyPassword }),
    ...(tls.direct ? { ALPNProtocols: ['postgresql'] } : {}),
  }
}

function read(file: string): Buffer {
  return readFileSync(file)
}
