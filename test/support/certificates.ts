/** Certificates for tests, made by openssl. */
import { join } from 'node:path'

/**
 * Makes `NAME-ca.crt`, and `NAME.crt` with `NAME.key` for a server that is called `localhost`, in a folder.
 * @throws when openssl is not installed
 */
export async function makeCertificates(folder: string, name: string): Promise<void> {
  const at = (file: string) => join(folder, file)
  const key = ['-newkey', 'rsa:2048', '-nodes', '-days', '2', '-x509']
  const ca = `${name}-ca`
  await openssl(
    'req',
    ...key,
    '-keyout',
    at(`${ca}.key`),
    '-out',
    at(`${ca}.crt`),
    '-subj',
    `/CN=${ca}`,
  )
  await openssl(
    ...['req', ...key, '-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
    ...['-addext', 'basicConstraints=critical,CA:FALSE'],
    ...['-CA', at(`${ca}.crt`), '-CAkey', at(`${ca}.key`)],
  )
}

async function openssl(...args: string[]): Promise<void> {
  const child = Bun.spawn(['openssl', ...args], { stdout: 'ignore', stderr: 'pipe' })
  if ((await child.exited) !== 0) throw new Error(await new Response(child.stderr).text())
}
