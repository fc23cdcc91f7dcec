/** Takes a connection string apart, in both forms that PostgreSQL's own programs know: a URI, and `name=value` pairs. */

/** A connection string, or a variable beside it, cannot be used. The message says why, and never repeats a secret. */
export class BadConnectionString extends Error {
  override readonly name = 'BadConnectionString'
}

/** The parameters that a connection string has, by their names in libpq. Of a name that occurs twice, the last counts. */
export function splitConnectionString(text: string): Map<string, string> {
  const uri = /^postgres(?:ql)?:\/\//.exec(text)
  if (uri) return splitUri(text.slice(uri[0].length))
  if (/^\s*[a-z_]+\s*=/.test(text)) return splitPairs(text)
  throw new BadConnectionString(
    'expected postgres://user:password@host:port/database, or host=… dbname=…',
  )
}

/** The connection string with more parameters, which it must not have yet. */
export function addParameters(text: string, more: readonly (readonly [string, string])[]): string {
  if (more.length === 0) return text
  const uri = /^(postgres(?:ql)?:\/\/(?:[^@/]*@)?[^?]*)(\?.*)?$/s.exec(text)
  if (!uri) {
    const pairs = more.map(([name, value]) => ` ${name}='${value.replace(/['\\]/g, '\\$&')}'`)
    return text + pairs.join('')
  }
  const pairs = more.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')
  return `${uri[1]}${uri[2] ? `${uri[2]}&` : '?'}${pairs}`
}

/** `user:password@host:port,host:port/database?name=value&name=value` */
function splitUri(text: string): Map<string, string> {
  const parameters = new Map<string, string>()
  const set = (name: string, value: string | undefined) => {
    if (value) parameters.set(name, decoded(name, value))
  }
  const [, login, rest = ''] = /^(?:([^@/]*)@)?(.*)$/s.exec(text) as string[]
  const [user, ...password] = login?.split(':') ?? []
  set('user', user)
  set('password', password.join(':'))
  const [, authority = '', database, query] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(
    rest,
  ) as string[]
  const hosts = authority === '' ? [] : authority.split(',').map(splitHost)
  if (hosts.some(({ host }) => host !== '')) {
    parameters.set('host', hosts.map(({ host }) => decoded('host', host)).join(','))
  }
  if (hosts.some(({ port }) => port !== '')) {
    parameters.set('port', hosts.map(({ port }) => port).join(','))
  }
  set('dbname', database)
  for (const pair of query ? query.split('&') : []) {
    const at = pair.indexOf('=')
    if (at < 1) throw new BadConnectionString('expected name=value after ?, with & between them')
    const name = decoded('a name', pair.slice(0, at))
    const value = decoded(name, pair.slice(at + 1))
    // As JDBC has it, and as libpq takes it.
    if (name === 'ssl' && value === 'true') parameters.set('sslmode', 'require')
    else parameters.set(name, value)
  }
  return parameters
}

/** `name`, `name:5432`, `[::1]:5432` or `%2Ffolder`. What does not fit may be part of a password. */
function splitHost(text: string): { host: string; port: string } {
  const found = /^(?:\[([\da-f:.]+(?:%25?[\w.-]+)?)\]|([^:@[\]]*))(?::(\d*))?$/i.exec(text)
  if (!found) {
    throw new BadConnectionString(
      'a host or a port cannot be read. In a password, write %40 for @, %2F for /, %3A for : and %25 for %; an IPv6 address stands in [ ]',
    )
  }
  const [, address, name, port = ''] = found
  return { host: address ?? name ?? '', port }
}

function decoded(name: string, value: string): string {
  try {
    const text = decodeURIComponent(value)
    if (!text.includes('\0')) return text
  } catch {
    // The message below says it.
  }
  throw new BadConnectionString(`${name} has a % that is no escape: write %25 for %`)
}

/** `host=db-1 password='it\'s a secret'` */
function splitPairs(text: string): Map<string, string> {
  const parameters = new Map<string, string>()
  const pair = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/sy
  while (/\S/.test(text.slice(pair.lastIndex))) {
    const found = pair.exec(text)
    if (!found) {
      throw new BadConnectionString(
        "expected name=value pairs with spaces between them; a value with a space stands in ' '",
      )
    }
    const [, name = '', quoted, bare = ''] = found
    const value = (quoted ?? bare).replace(/\\(.)/gs, '$1')
    if (value !== '') parameters.set(name, value)
  }
  return parameters
}
