/**
 * Which headers cross the gateway, as far as their names tell. Headers are refused by kind: what some proxy, gateway or
 * sign-in service in front of a server says to it, the server believes, so no client may say it. To servers that hand
 * headers on as variables, X_Account_Id, X.Account.Id and X-Account-Id are the same: all are compared by their plain name.
 */

/** A name as the laxest reader has it: lower case, with a hyphen for whatever is neither letter nor digit. */
export function plainHeaderName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-')
}

/** Connection-level headers, which end at each hop (RFC 9110 §7.6.1). Those of proxies end with `proxy`, below. */
const hopByHop = ['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade']

/** About the message itself: the gateway sends one of its own. */
const message = ['host', 'content-length', 'content-type', 'content-encoding', 'expect']

/** What the client shows the gateway, and the gateway alone. */
const clientsOwn = ['authorization', 'x-api-key', 'cookie', 'cookie2', 'idempotency-key']

/** What only the gateway says: the id of the call, who calls, and what it costs. */
const gatewaysOwn = [
  ...['x-request-id', 'x-account-id', 'x-owner-id', 'x-key-id', 'x-plan', 'x-error-source'],
]
const gatewaysOwnPrefixes = ['x-credits-', 'x-ledger-', 'x-ratelimit', 'x-rate-limit', 'ratelimit']

/** Who calls, as sign-in proxies, API gateways and clouds say it to the servers behind them. */
const identities = [
  ...['x-user', 'x-userid', 'x-username', 'x-userinfo', 'x-email', 'x-groups', 'x-roles'],
  ...['x-access-token', 'x-id-token', 'x-serverless-authorization', 'x-scope-orgid', 'smuser'],
  ...['x-anonymous-consumer', 'eppn', 'affiliation', 'persistent-id', 'x-client-cn'],
  ...['act-as', 'x-act-as', 'run-as', 'x-run-as'],
]
const identityPrefixes = [
  ...['remote-', 'x-remote-', 'x-auth-', 'x-authenticated', 'x-consumer', 'x-credential'],
  ...['x-user-', 'x-webauth-', 'x-tenant', 'x-impersonate', 'impersonate-', 'x-jwt-'],
  ...['x-amzn-oidc-', 'x-amzn-mtls-', 'x-goog-authenticated-user', 'x-goog-iap-'],
  ...['x-ms-client-principal', 'x-ms-token-', 'x-endpoint-api-', 'x-apigateway-'],
  ...['x-ssl-', 'ssl-', 'x-client-cert', 'x-client-dn', 'x-client-verif', 'x-client-s-dn'],
  ...['x-client-i-dn', 'x-client-subject', 'x-client-issuer', 'x-client-fingerprint'],
  ...['x-authentik-', 'x-pomerium-', 'x-vouch-', 'x-tyk-', 'x-kong-', 'x-oidc-', 'oidc-'],
  ...['x-shib-', 'shib-', 'sm-', 'iv-', 'oam-', 'tailscale-', 'teleport-', 'x-grafana-'],
  ...['ajp-', 'mellon-', 'x-hasura-', 'l5d-', 'dapr-', 'x-dapr-', 'x-istio-', 'x-cloudtasks-'],
  ...['x-cloudscheduler', 'x-amzn-request', 'x-amzn-lambda-'],
]

/** Where the client is, and what it called, as proxies say it. */
const addresses = [
  ...['forwarded', 'via', 'cdn-loop', 'x-scheme', 'x-url-scheme', 'x-protocol'],
  ...['x-script-name', 'script-name'],
  ...['front-end-https', 'x-coming-from', 'coming-from', 'x-base-path', 'http2-settings'],
]
const addressPrefixes = [
  ...['x-forwarded', 'x-original', 'x-originat', 'x-real-', 'x-proxy', 'proxy', 'wl-proxy-', 'cf-'],
  ...['cloudfront-', 'fastly-', 'akamai-', 'x-akamai-', 'x-azure-', 'x-fd-', 'fly-', 'x-nf-'],
  ...['x-vercel-', 'x-now-', 'x-appengine-', 'x-envoy-', 'x-nginx-', 'x-arr-', 'x-waws-', 'was-'],
  ...['x-site-deployment-', 'disguised-', 'eo-', 'ali-cdn-', 'incap-', 'x-incap-', 'x-sucuri-'],
]

/** What steers a server or a proxy: another method or path than the one that was priced, a file to send, a cache. */
const controls = ['x-matched-path', ...['x-reproxy-url', 'x-lighttpd-send-file']]
const controlPrefixes = [
  ...['x-http-', 'x-rewrite', 'x-accel-', 'x-sendfile', 'x-litespeed-', 'surrogate-'],
  ...['x-middleware-', 'x-invoke-'],
]

/** A client's part of a whole, and what it has already: they cross where the route is `conditional`. */
const conditional = [
  ...['range', 'if-range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'],
]

const neverFromClients = new Set([
  ...[...hopByHop, ...message, ...clientsOwn, ...gatewaysOwn],
  ...[...identities, ...addresses, ...controls],
])
const prefixesNeverFromClients = [
  ...[...gatewaysOwnPrefixes, ...identityPrefixes, ...addressPrefixes, ...controlPrefixes],
]
/** What HTTP and browsers say of the request itself, whatever words are in it. */
const ordinaryPrefixes = ['sec-', 'accept-', 'content-']

/**
 * Words that say in any header where a client is, who it is, or what to do other than what was asked: `X-Forward-For`,
 * `EO-Connecting-IP`, `Ajp-Remote-User`, `X-Hasura-Role`, `Method-Override`. A reader believes them wherever they stand.
 */
const words = new Set([
  ...['ip', 'ips', 'ipaddress', 'addr', 'address', 'host', 'hostname', 'proto', 'https', 'ssl'],
  ...['tls', 'mtls', 'cert', 'certificate', 'dn', 'remote', 'user', 'username', 'userid', 'uid'],
  ...['login', 'role', 'roles', 'group', 'groups', 'admin', 'principal', 'identity', 'claims'],
  ...['auth', 'authn', 'authenticated', 'sso', 'saml', 'oidc', 'jwt', 'spiffe', 'hasura'],
  ...['impersonate', 'masquerade', 'behalf', 'sudo', 'mellon', 'via', 'override', 'rewrite'],
  'prerender',
])
/** Such words written as one, and the many spellings of `forwarded`. */
const joinedWords =
  /^(?:forwar|(?:client|real|remote|source|src|peer|user|connecting|origin|true)(?:ip|addr|cert|host)|httpmethod)/

function hasRefusedWord(plainName: string): boolean {
  const parts = plainName.split('-')
  return parts.some((word, at) => {
    // Browsers' clients name their library in X-User-Agent.
    if (word === 'user' && parts[at + 1] === 'agent') return false
    return words.has(word) || joinedWords.test(word)
  })
}

/** Whether no client may say this to any upstream. */
export function isNeverFromClients(plainName: string): boolean {
  if (neverFromClients.has(plainName)) return true
  if (ordinaryPrefixes.some((prefix) => plainName.startsWith(prefix))) return false
  if (plainName === 'x-user-agent') return false
  if (prefixesNeverFromClients.some((prefix) => plainName.startsWith(prefix))) return true
  return hasRefusedWord(plainName)
}

const conditionalNames = new Set(conditional)

/** Whether it asks for a part of the response, or for one only under a condition. */
export function isConditional(plainName: string): boolean {
  return conditionalNames.has(plainName)
}

const setByTheGateway = new Set([...hopByHop, ...message, 'x-request-id', 'accept-encoding'])

/** Whether a service cannot set this header: it is the gateway's part of the message. */
export function isSetByTheGateway(plainName: string): boolean {
  return setByTheGateway.has(plainName) || plainName.startsWith('proxy-')
}

/** What HTTP, or every gateway and browser, means something else by than who calls. */
const ofHttp = new Set([
  ...[...clientsOwn, ...conditional, 'x-error-source', 'user-agent', 'referer', 'origin', 'date'],
  ...['cache-control', 'pragma', 'prefer', 'priority', 'max-forwards', 'dnt', 'warning', 'upgrade'],
  ...['location', 'server', 'set-cookie', 'vary', 'allow', 'age', 'etag', 'expires', 'retry-after'],
  ...['www-authenticate', 'last-modified', 'traceparent', 'tracestate', 'baggage'],
])
const prefixesOfHttp = ['accept', 'access-control-', 'content-', 'sec-', ...gatewaysOwnPrefixes]

/** Whether a header cannot tell an upstream who calls: it has a meaning already. */
export function isOfHttp(plainName: string): boolean {
  return ofHttp.has(plainName) || prefixesOfHttp.some((prefix) => plainName.startsWith(prefix))
}

/** What an upstream would say about the site, the connection or the call, which is the gateway's to say. */
const neverFromUpstreams = new Set([
  ...[...hopByHop, ...gatewaysOwn, 'content-length', 'idempotent-replayed', 'www-authenticate'],
  ...['set-cookie', 'set-cookie2', 'clear-site-data', 'strict-transport-security', 'nel'],
  ...['report-to', 'reporting-endpoints', 'expect-ct', 'origin-agent-cluster', 'expect-staple'],
  ...['service-worker-allowed', 'timing-allow-origin', 'refresh', 'server', 'via', 'sourcemap'],
  // Would send the client past the gateway.
  ...['alt-svc', 'alt-used'],
  // Would change what a browser does with the gateway's other responses: sign in, keep, share, report, fetch ahead.
  ...['set-login', 'no-vary-search', 'use-as-dictionary', 'speculation-rules', 'accept-ch'],
  ...['critical-ch', 'supports-loading-mode', 'activate-storage-access', 'x-dns-prefetch-control'],
  ...['observe-browsing-topics', 'content-security-policy-report-only', 'document-policy'],
  ...['document-policy-report-only', 'permissions-policy-report-only'],
  ...['x-aspnet-version', 'x-aspnetmvc-version', 'x-generator', 'x-runtime', 'x-sourcemap'],
  // Would steer a proxy in front of the gateway.
  ...['x-reproxy-url', 'x-lighttpd-send-file', 'cache-tag', 'cache-tags', 'xkey', 'x-esi'],
  ...['x-do-esi', 'x-pass-expires'],
])
const prefixesNeverFromUpstreams = [
  ...[...gatewaysOwnPrefixes, 'access-control-', 'public-key-pins', 'x-powered-by', 'proxy'],
  ...['cross-origin-', 'x-accel-', 'x-sendfile', 'x-litespeed-', 'surrogate-', 'x-vercel-', 'cf-'],
  ...['x-consumer', 'x-credential', 'x-authenticated', 'x-kong-', 'edge-', 'cdn-', 'akamai-'],
  ...['x-akamai-', 'fastly-', 'netlify-', 'x-nf-', 'x-envoy-', 'x-nginx-', 'x-middleware-'],
  ...['sec-session-', 'secure-session-', 'attribution-reporting-', 'service-worker-'],
]

/** Whether no upstream may say this to a client. */
export function isNeverFromUpstreams(plainName: string): boolean {
  // Streams say it, so that a proxy in front of the gateway does not keep their events back.
  if (plainName === 'x-accel-buffering') return false
  if (neverFromUpstreams.has(plainName) || plainName.endsWith('-cdn-cache-control')) return true
  return prefixesNeverFromUpstreams.some((prefix) => plainName.startsWith(prefix))
}

/** What an upstream is told of who calls. */
export type IdentityField = 'account' | 'owner' | 'key' | 'plan'

/** By the header: what it says. */
export type IdentityHeaders = readonly (readonly [header: string, field: IdentityField])[]

export const identityPresets = {
  default: [
    ['X-Account-Id', 'account'],
    ['X-Owner-Id', 'owner'],
    ['X-Key-Id', 'key'],
    ['X-Plan', 'plan'],
  ],
  // As Kong's authentication plugins and its ACL plugin name them.
  kong: [
    ['X-Consumer-ID', 'account'],
    ['X-Consumer-Custom-ID', 'owner'],
    ['X-Consumer-Username', 'owner'],
    ['X-Credential-Identifier', 'key'],
    ['X-Consumer-Groups', 'plan'],
  ],
  none: [],
} as const satisfies Record<string, IdentityHeaders>
