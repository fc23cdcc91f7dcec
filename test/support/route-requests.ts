/**
 * One valid request for every route, as a client with permission sends it. A route without a request here fails
 * test/http/route-roles.test.ts by name.
 */
import { tariffOf } from '../../src/config/tariff.ts'
import { wavHeader } from '../../src/demo/wav.ts'
import { bundlePages } from '../../src/pages/bundle-pages.ts'
import { testConfig } from './test-config.ts'

/** An account with a key, which requests are about. */
export interface Subject {
  readonly accountId: string
  readonly keyId: string
  /** Makes a call with the key; resolves with its request id. */
  charge(): Promise<string>
  /** The same, of a call whose gateway died before its last write. */
  undelivered(): Promise<string>
  /** The id of an operator key. */
  operatorKey(): Promise<string>
}

export interface RouteRequest {
  /** With the query. */
  readonly path: string
  readonly json?: object
  readonly form?: FormData
}

type MakeRequest = (subject: Subject) => RouteRequest | Promise<RouteRequest>

/** What an operator key is made of, by the clock of the ledgers of tests. */
export const newOperatorKey = {
  ...{ name: 'Billing export', role: 'auditor', expiresAt: '2030-12-31T00:00:00Z' },
}

let budgets = 0
let publications = 0

/** That of the configuration that tests run with. */
const tariff = tariffOf(testConfig())

/** By route, as Elysia writes it; `?keyId` and the like name what a query is about. */
export const requests: Readonly<Record<string, MakeRequest>> = {
  'GET /health': () => ({ path: '/health' }),
  'GET /ready': () => ({ path: '/ready' }),
  'GET /docs': () => ({ path: '/docs' }),
  'GET /docs/json': () => ({ path: '/docs/json' }),
  'GET /docs/:file': () => ({ path: '/docs/page.css' }),

  'POST /api-keys': () => ({ path: '/api-keys', json: { name: 'Another' } }),
  'GET /api-keys': () => ({ path: '/api-keys' }),
  'GET /api-keys/:id': ({ keyId }) => ({ path: `/api-keys/${keyId}` }),
  'PATCH /api-keys/:id': ({ keyId }) => ({ path: `/api-keys/${keyId}`, json: { rateLimit: 5 } }),
  'DELETE /api-keys/:id': ({ keyId }) => ({ path: `/api-keys/${keyId}` }),
  'POST /api-keys/:id/regenerate': ({ keyId }) => ({ path: `/api-keys/${keyId}/regenerate` }),
  'GET /api-keys/:id/usage': ({ keyId }) => ({ path: `/api-keys/${keyId}/usage` }),
  'GET /api-keys/:id/usage/summary': ({ keyId }) => ({ path: `/api-keys/${keyId}/usage/summary` }),
  'GET /api-keys/:id/events': ({ keyId }) => ({ path: `/api-keys/${keyId}/events` }),

  'GET /portal': () => ({ path: '/portal' }),
  'GET /portal/sign-in': () => ({ path: '/portal/sign-in' }),
  'GET /portal/signed-in': () => ({ path: '/portal/signed-in' }),
  'GET /portal/:page': () => ({ path: '/portal/keys' }),
  'GET /portal/:page/:part': () => ({ path: '/portal/calls/01a20445-9cfb-7065-a159-89f00cd16545' }),
  'GET /portal/assets/:file': async () => ({
    path: `/portal/assets/${(await bundlePages('portal')).program}`,
  }),
  'POST /portal/session': () => ({ path: '/portal/session', json: { link: 'unknown' } }),
  'GET /portal/session': () => ({ path: '/portal/session' }),
  'DELETE /portal/session': () => ({ path: '/portal/session' }),

  'GET /account': () => ({ path: '/account' }),
  // Another budget each time, so that each request changes something.
  'PATCH /account': () => ({
    path: '/account',
    json: { budgets: [{ credits: 1_000_000 + budgets++, per: 'day', timeZone: 'UTC' }] },
  }),
  'GET /account/balance': () => ({ path: '/account/balance' }),
  'GET /account/balance/history': () => ({ path: '/account/balance/history' }),
  'GET /account/usage': () => ({
    path: '/account/usage?by=hour&group=key&from=2030-06-14&to=2030-06-15',
  }),
  'GET /account/statements': () => ({ path: '/account/statements' }),
  'GET /account/charges': () => ({ path: '/account/charges' }),
  'GET /account/calls/:requestId': async ({ charge }) => ({
    path: `/account/calls/${await charge()}`,
  }),
  'GET /account/prices': () => ({ path: '/account/prices' }),
  'GET /account/statements/:month': () => ({ path: '/account/statements/2030-06?lines=true' }),
  'GET /account/statements/:month?keyId': ({ keyId }) => ({
    path: `/account/statements/2030-06?keyId=${keyId}`,
  }),

  'GET /admin/api-keys': () => ({ path: '/admin/api-keys' }),
  'GET /admin/api-keys/:id': ({ keyId }) => ({ path: `/admin/api-keys/${keyId}` }),
  'PATCH /admin/api-keys/:id': ({ keyId }) => ({
    path: `/admin/api-keys/${keyId}`,
    json: { active: false },
  }),
  'DELETE /admin/api-keys/:id': ({ keyId }) => ({ path: `/admin/api-keys/${keyId}` }),
  'GET /admin/accounts': () => ({ path: '/admin/accounts' }),
  'GET /admin/accounts/:id': ({ accountId }) => ({ path: `/admin/accounts/${accountId}` }),
  'PATCH /admin/accounts/:id': ({ accountId }) => ({
    path: `/admin/accounts/${accountId}`,
    json: { frozen: true },
  }),
  'POST /admin/accounts/:id/grants': ({ accountId }) => ({
    path: `/admin/accounts/${accountId}/grants`,
    json: { credits: 5, kind: 'promotional' },
  }),
  'POST /admin/accounts/:id/packs': ({ accountId }) => ({
    path: `/admin/accounts/${accountId}/packs`,
    json: { pack: 'small', externalId: 'order-4711' },
  }),
  'POST /admin/accounts/:id/adjustments': ({ accountId }) => ({
    path: `/admin/accounts/${accountId}/adjustments`,
    json: { credits: 5 },
  }),
  'POST /admin/charges/:id/refund': async ({ charge }) => ({
    path: `/admin/charges/${await charge()}/refund`,
  }),
  'GET /admin/accounts/:id/notes': ({ accountId }) => ({
    path: `/admin/accounts/${accountId}/notes`,
  }),
  'POST /admin/accounts/:id/notes': ({ accountId }) => ({
    path: `/admin/accounts/${accountId}/notes`,
    json: { text: 'Called: promised a refund until Friday' },
  }),
  'GET /admin/accounts/:id/usage': ({ accountId }) => ({
    path: `/admin/accounts/${accountId}/usage?group=outcome&days=7`,
  }),
  'GET /admin/accounts/:id/balance/history': ({ accountId }) => ({
    path: `/admin/accounts/${accountId}/balance/history`,
  }),
  'GET /admin/accounts/:id/statements': ({ accountId }) => ({
    path: `/admin/accounts/${accountId}/statements`,
  }),
  'GET /admin/accounts/:id/statements/:month': ({ accountId }) => ({
    path: `/admin/accounts/${accountId}/statements/2030-06`,
  }),
  'GET /admin/accounts/:id/charges': ({ accountId }) => ({
    path: `/admin/accounts/${accountId}/charges`,
  }),
  'GET /admin/calls/:requestId': async ({ charge }) => ({ path: `/admin/calls/${await charge()}` }),
  'GET /admin/refusals': () => ({ path: '/admin/refusals' }),
  'GET /admin/usage/hourly': () => ({ path: '/admin/usage/hourly?by=hour&days=2' }),
  'POST /admin/sign-outs': () => ({ path: '/admin/sign-outs', json: { subject: 'nobody' } }),
  'GET /admin/prices': () => ({ path: '/admin/prices' }),
  'GET /admin/prices/diff': () => ({ path: '/admin/prices/diff' }),
  'POST /admin/prices/diff': () => ({ path: '/admin/prices/diff', json: { tariff } }),
  // For another time each time, so that each request publishes something.
  'POST /admin/prices': () => ({
    path: '/admin/prices',
    json: { tariff, from: `2199-06-01T00:00:00.${String(publications++).padStart(3, '0')}Z` },
  }),
  'POST /admin/simulations': () => ({
    path: '/admin/simulations',
    json: { tariff, from: '2030-05', to: '2030-06' },
  }),
  'GET /admin/operator-keys': () => ({ path: '/admin/operator-keys' }),
  'POST /admin/operator-keys': () => ({ path: '/admin/operator-keys', json: newOperatorKey }),
  'POST /admin/operator-keys/:id/rotate': async ({ operatorKey }) => ({
    path: `/admin/operator-keys/${await operatorKey()}/rotate`,
    json: { graceSeconds: 60 },
  }),
  'DELETE /admin/operator-keys/:id': async ({ operatorKey }) => ({
    path: `/admin/operator-keys/${await operatorKey()}`,
  }),
  'GET /admin/health': () => ({ path: '/admin/health' }),
  'GET /admin/usage/summary': () => ({ path: '/admin/usage/summary' }),
  'GET /admin/usage/top-users': () => ({ path: '/admin/usage/top-users' }),
  'GET /admin/events': () => ({ path: '/admin/events' }),

  'GET /v1/key': () => ({ path: '/v1/key' }),
  'GET /v1/prices': () => ({ path: '/v1/prices' }),
  'GET /v1/charges': () => ({ path: '/v1/charges' }),
  'GET /v1/charges/:requestId': async ({ charge }) => ({ path: `/v1/charges/${await charge()}` }),
  'POST /v1/charges/:requestId/refund': async ({ undelivered }) => ({
    path: `/v1/charges/${await undelivered()}/refund`,
  }),
  'POST /v1/key/revoke': () => ({ path: '/v1/key/revoke' }),

  'POST /v1/search': () => ({ path: '/v1/search', json: { query: 'toll' } }),
  'GET /v1/search/engines': () => ({ path: '/v1/search/engines' }),
  'POST /v1/extract': () => ({ path: '/v1/extract', json: { url: page } }),
  'POST /v1/extract/bulk': () => ({ path: '/v1/extract/bulk', json: { urls: [page] } }),
  'POST /v1/stt/transcribe': () => ({ path: '/v1/stt/transcribe', form: speech() }),
  'GET /v1/stt/models': () => ({ path: '/v1/stt/models' }),
  'GET /v1/stt/languages': () => ({ path: '/v1/stt/languages' }),
  'POST /v1/tts/synthesize': () => ({ path: '/v1/tts/synthesize', json: { text: 'Morning.' } }),
  'GET /v1/tts/voices': () => ({ path: '/v1/tts/voices' }),
  'GET /v1/tts/languages': () => ({ path: '/v1/tts/languages' }),
}

/** A page that the demo services know. */
const page = 'https://demo.tollbook.example/pages/a-short-history-of-the-toll-road'

function speech(): FormData {
  const form = new FormData()
  const wav = new Blob([wavHeader(800, 8_000), new Uint8Array(1_600)], { type: 'audio/wav' })
  form.set('file', wav, 'speech.wav')
  return form
}
