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
  ...['x-anonymous-consumer', 'x-arr-clientcert', 'client-cert', 'client-cert-chain', 'sudo'],
]
const identityPrefixes = [
  ...['remote-', 'x-remote-', 'x-auth-', 'x-authenticated', 'x-consumer', 'x-credential'],
  ...['x-user-', 'x-webauth-', 'x-tenant', 'x-impersonate', 'impersonate-', 'x-jwt-'],
  ...['x-amzn-oidc-', 'x-amzn-mtls-', 'x-goog-authenticated-user', 'x-goog-iap-'],
  ...['x-ms-client-principal', 'x-ms-token-', 'x-endpoint-api-', 'x-apigateway-'],
  ...['x-ssl-', 'ssl-', 'x-client-cert', 'x-client-dn', 'x-client-verif', 'x-client-s-dn'],
  ...['x-client-i-dn', 'x-client-subject', 'x-client-issuer', 'x-client-fingerprint'],
  ...['x-authentik-', 'x-pomerium-', 'x-vouch-', 'x-tyk-', 'x-kong-', 'x-oidc-', 'oidc-'],
  ...['x-shib-', 'shib-', 'sm-', 'iv-', 'oam-', 'tailscale-', 'x-grafana-'],
]

/** Where the client is, and what it called, as proxies say it. */
const addresses = [
  ...['forwarded', 'via', 'cdn-loop', 'true-client-ip', 'x-client-ip', 'x-cluster-client-ip'],
  ...['x-host', 'x-scheme', 'x-url-scheme', 'x-protocol', 'x-ssl', 'x-script-name', 'script-name'],
  ...['front-end-https', 'client-ip', 'x-coming-from', 'do-connecting-ip', 'x-base-path'],
]
const addressPrefixes = [
  ...['x-forwarded', 'x-original', 'x-originat', 'x-real-', 'x-proxy', 'proxy', 'wl-proxy-', 'cf-'],
  ...['cloudfront-', 'fastly-', 'akamai-', 'x-akamai-', 'x-azure-', 'x-fd-', 'fly-', 'x-nf-'],
  ...['x-vercel-', 'x-appengine-', 'x-envoy-', 'x-nginx-'],
]

/** What steers a server or a proxy: another method or path than the one that was priced, a file to send, a cache. */
const controls = [
  ...['x-method-override', 'x-matched-path', 'x-wap-profile-override', 'x-override-url'],
  ...['x-reproxy-url', 'x-lighttpd-send-file'],
]
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
/** The header that has a refused prefix and is of no such kind: browsers' clients name their library in it. */
const allTheSame = new Set(['x-user-agent'])

/** Whether no client may say this to any upstream. */
export function isNeverFromClients(plainName: string): boolean {
  if (neverFromClients.has(plainName)) return true
  if (allTheSame.has(plainName)) return false
  return prefixesNeverFromClients.some((prefix) => plainName.startsWith(prefix))
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
  ...['x-aspnet-version', 'x-aspnetmvc-version', 'x-generator', 'x-runtime', 'x-sourcemap'],
  // Would steer a proxy in front of the gateway.
  ...['x-reproxy-url', 'x-lighttpd-send-file', 'cdn-cache-control'],
])
const prefixesNeverFromUpstreams = [
  ...[...gatewaysOwnPrefixes, 'access-control-', 'public-key-pins', 'x-powered-by', 'proxy'],
  ...['cross-origin-', 'x-accel-', 'x-sendfile', 'x-litespeed-', 'surrogate-', 'x-vercel-', 'cf-'],
  ...['x-consumer', 'x-credential', 'x-authenticated', 'x-kong-'],
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
