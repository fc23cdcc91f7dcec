import { expect, test } from 'bun:test'
import {
  isNeverFromClients,
  isNeverFromUpstreams,
  plainHeaderName,
} from '../../src/config/header-names.ts'

const isRefused = (name: string) => isNeverFromClients(plainHeaderName(name))

test('no client says where it is, who it is, or that something else is meant, in any header that a reader believes', () => {
  const names = [
    ...['Forwarded-For', 'Forwarded-Proto', 'Forwarded-Host', 'X-Forward-For', 'X-Forwared-For'],
    ...['X-ClientIP', 'X-Client-IP', 'Coming-From', 'HTTP-CLIENT-IP', 'HTTP-X-Forwarded-For'],
    ...['Ali-CDN-Real-IP', 'X-Incap-Client-IP', 'X-Sucuri-ClientIP', 'EO-Connecting-IP'],
    ...['X-Google-Real-IP', 'X-Cluster-Client-IP', 'DO-Connecting-IP', 'Source-IP', 'X-IP', 'IP'],
    ...['Remote-Addr', 'l5d-remote-ip', 'X_Real_IP', 'DISGUISED-HOST', 'X-Backend-Host', 'X-Host'],
    ...['l5d-client-id', 'l5d-dst-override', 'AJP-Remote-User', 'AJP_Remote_User', 'Eppn'],
    ...['X-Hasura-Role', 'X-Hasura-Admin-Secret', 'X-SSO-User', 'SSO-User', 'Verified-User'],
    ...['X-Client-CN', 'X-TLS-Client-Cert', 'Client-Cert', 'X-Client-Cert', 'X-ARR-ClientCert'],
    ...['X-ARR-SSL', 'X-SSL', 'On-Behalf-Of', 'X-On-Behalf-Of', 'Sudo', 'X-Role', 'X-User'],
    ...['Http-Method-Override', 'Method-Override', 'X-Method-Override', 'X-Override-URL'],
    ...['X-WAWS-Unencoded-URL', 'X-now-route-matches', 'X-prerender-revalidate', 'Remote-User'],
    ...['Was-Default-Hostname', 'X-CloudTasks-QueueName', 'Dapr-App-Id', 'X-Forwarded-For'],
    ...['X-Run-As', 'Act-As', 'X-Mellon', 'X-Bluecoat-Via'],
  ]
  expect(names.filter((name) => !isRefused(name))).toEqual([])
})

test('what clients ordinarily say crosses', () => {
  const names = [
    ...['Accept', 'Accept-Language', 'Accept-Encoding', 'Accept-Profile', 'User-Agent', 'Prefer'],
    ...['Traceparent', 'Tracestate', 'Baggage', 'X-Request-Start', 'Content-Language', 'Origin'],
    ...['Content-Disposition', 'Content-Digest', 'Referer', 'HTTP-Referer', 'DNT', 'X-Title'],
    ...['Sec-Fetch-Site', 'Sec-Fetch-User', 'Sec-CH-UA', 'Sec-GPC', 'X-Client-Version'],
    ...['X-Trace-Id', 'X-Correlation-Id', 'X-Amzn-Trace-Id', 'X-B3-TraceId', 'Sentry-Trace'],
    ...['X-Stainless-Arch', 'X-Stainless-OS', 'X-Stainless-Retry-Count', 'X-Stainless-Lang'],
    ...['X-Stainless-Runtime-Version', 'X-Stainless-Helper-Method', 'X-Stainless-Timeout'],
    ...['OpenAI-Organization', 'OpenAI-Project', 'OpenAI-Beta', 'anthropic-version'],
    ...['anthropic-beta', 'anthropic-dangerous-direct-browser-access', 'X-Custom-Thing', 'X-Mine'],
    ...['X-User-Agent', 'X-MS-User-Agent', 'X-Goog-Api-Client', 'X-Goog-FieldMask'],
    ...['MCP-Protocol-Version', 'Mcp-Session-Id', 'Last-Event-ID', 'X-Requested-With'],
    ...['X-GitHub-Api-Version', 'Notion-Version', 'Stripe-Version', 'Tus-Resumable'],
    ...['Upload-Offset', 'Upload-Length', 'Cache-Control', 'Pragma', 'Priority', 'X-Session-Id'],
    ...['Apollo-Require-Preflight', 'X-Apollo-Operation-Name', 'X-CSRF-Token', 'X-Timezone'],
  ]
  expect(names.filter(isRefused)).toEqual([])
})

test('no upstream speaks to the proxies and the browsers about the whole site', () => {
  const names = [
    ...['Edge-Control', 'Edge-Cache-Tag', 'Cache-Tag', 'CDN-Cache-Control', 'Netlify-Vary'],
    ...['Set-Login', 'No-Vary-Search', 'Use-As-Dictionary', 'Speculation-Rules', 'Accept-CH'],
    ...['Service-Worker-Allowed', 'Secure-Session-Registration', 'X-Middleware-Rewrite'],
    ...['Content-Security-Policy-Report-Only', 'Cloudflare-CDN-Cache-Control', 'X-Envoy-Decorator'],
  ]
  expect(names.filter((name) => !isNeverFromUpstreams(plainHeaderName(name)))).toEqual([])
  const ordinary = ['ETag', 'Vary', 'Content-Type', 'X-Accel-Buffering', 'Retry-After', 'X-Mine']
  expect(ordinary.filter((name) => isNeverFromUpstreams(plainHeaderName(name)))).toEqual([])
})
