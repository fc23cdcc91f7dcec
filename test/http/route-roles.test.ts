/**
 * Every route × every kind of client. The routes are the running app's own, the clients are generated, and one
 * table has the expected outcome by the kind of route. A route of no known kind, or without a request in
 * test/support/route-requests.ts, fails by name.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { openBrowserSessions } from '../../src/http/auth/browser-sessions.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { portal } from '../../src/http/auth/sites.ts'
import { openSessionRows, type SessionOwner } from '../../src/ledger/sessions/session-rows.ts'
import { newKeyId, newRequestId, type Owner } from '../../src/lib/ids.ts'
import { type ApiDocument, checkDocument } from '../support/api-document.ts'
import { startDemoUpstreams } from '../support/demo-upstreams.ts'
import { describedApp } from '../support/described-app.ts'
import {
  newOperatorKey,
  type RouteRequest,
  requests,
  type Subject,
} from '../support/route-requests.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { openShop } from '../support/shop.ts'
import { testConfig } from '../support/test-config.ts'

/** The kinds of client, as the table knows them. A stranger is signed in, and owns something else. */
const roles = [
  ...(['nobody', 'stranger', 'owner', 'auditor', 'admin', 'key', 'strangersKey'] as const),
  // Of a browser that is signed in to the portal.
  ...(['session', 'strangersSession'] as const),
  // Of the operators, who may do little; and of the owners, who only read, by token and by browser.
  ...(['support', 'reader', 'readersSession'] as const),
  // Programs with operator keys of these roles.
  ...(['auditorsKey', 'supportsKey', 'adminsKey'] as const),
] as const
type Role = (typeof roles)[number]
type Outcome = 'served' | readonly [status: number, code: string]

const served = 'served' as const
const signIn = [401, 'unauthorized'] as const
const noKey = [401, 'missing_key'] as const
const badKey = [401, 'malformed_key'] as const
const notYours = [404, 'not_found'] as const
const notYourRole = [403, 'forbidden'] as const

/** The outcomes by kind of route, in the order of `roles`. For owners' routes an admin is another owner. */
const rules = {
  open: roles.map(() => served),
  'reads the client’s own': [
    signIn,
    served,
    served,
    served,
    served,
    signIn,
    signIn,
    served,
    served,
    served,
    served,
    served,
    ...[notYourRole, notYourRole, notYourRole],
  ],
  'changes the client’s own': [
    signIn,
    served,
    served,
    notYourRole,
    served,
    signIn,
    signIn,
    served,
    served,
    served,
    notYourRole,
    notYourRole,
    ...[notYourRole, notYourRole, notYourRole],
  ],
  'reads an owner’s': [
    signIn,
    notYours,
    served,
    notYours,
    notYours,
    signIn,
    signIn,
    served,
    notYours,
    notYours,
    served,
    served,
    ...[notYourRole, notYourRole, notYourRole],
  ],
  'changes an owner’s': [
    signIn,
    notYours,
    served,
    notYourRole,
    notYours,
    signIn,
    signIn,
    served,
    notYours,
    notYours,
    notYourRole,
    notYourRole,
    ...[notYourRole, notYourRole, notYourRole],
  ],
  'operators read': [
    signIn,
    notYourRole,
    notYourRole,
    served,
    served,
    signIn,
    signIn,
    notYourRole,
    notYourRole,
    served,
    notYourRole,
    notYourRole,
    ...[served, served, served],
  ],
  'operators change': [
    signIn,
    notYourRole,
    notYourRole,
    notYourRole,
    served,
    signIn,
    signIn,
    notYourRole,
    notYourRole,
    notYourRole,
    notYourRole,
    notYourRole,
    ...[notYourRole, notYourRole, served],
  ],
  'support changes, too': [
    signIn,
    notYourRole,
    notYourRole,
    notYourRole,
    served,
    signIn,
    signIn,
    notYourRole,
    notYourRole,
    served,
    notYourRole,
    notYourRole,
    ...[notYourRole, served, served],
  ],
  'admins change in person': [
    ...[signIn, notYourRole, notYourRole, notYourRole, served],
    ...[signIn, signIn, notYourRole, notYourRole],
    ...[notYourRole, notYourRole, notYourRole],
    ...[notYourRole, notYourRole, notYourRole],
  ],
  'for programs': [
    noKey,
    badKey,
    badKey,
    badKey,
    badKey,
    served,
    served,
    noKey,
    noKey,
    badKey,
    badKey,
    noKey,
    ...[badKey, badKey, badKey],
  ],
  'for programs, about a call': [
    noKey,
    badKey,
    badKey,
    badKey,
    badKey,
    served,
    notYours,
    noKey,
    noKey,
    badKey,
    badKey,
    noKey,
    ...[badKey, badKey, badKey],
  ],
  'about a session': [
    signIn,
    signIn,
    signIn,
    signIn,
    signIn,
    signIn,
    signIn,
    served,
    served,
    signIn,
    signIn,
    served,
    ...[signIn, signIn, signIn],
  ],
  // Only a page of the portal may ask, and only with a link that `up` has printed: see portal-sessions.test.ts.
  'signs a browser in': [
    ...[...roles.slice(0, 7).map(() => notYourRole), signIn, signIn],
    ...[notYourRole, notYourRole, signIn],
    ...[notYourRole, notYourRole, notYourRole],
  ],
} satisfies Record<string, readonly Outcome[]>
type Kind = keyof typeof rules

function outcomeFor(role: Role, kind: Kind): Outcome {
  return rules[kind][roles.indexOf(role)] as Outcome
}

/** What support may change, as the requests of the table ask it. */
const ofSupport = [
  'PATCH /admin/accounts/:id',
  'POST /admin/accounts/:id/grants',
  'POST /admin/accounts/:id/notes',
  'POST /admin/charges/:id/refund',
  'DELETE /admin/api-keys/:id',
]

/** The kind of a route, from its method and path alone and not from the code. */
function kindOf(route: string): Kind | undefined {
  const [method = '', path = ''] = route.split(' ')
  const reads = method === 'GET'
  const aboutOne = /:id|:requestId|\?keyId/.test(path)
  if (path === '/portal/session') {
    return method === 'POST' ? 'signs a browser in' : 'about a session'
  }
  if (/^\/(health|ready|docs|portal)\b/.test(path)) return 'open'
  if (ofSupport.includes(route)) return 'support changes, too'
  if (path.startsWith('/admin/operator-keys') && !reads) return 'admins change in person'
  if (path.startsWith('/admin/')) return reads ? 'operators read' : 'operators change'
  if (path.startsWith('/v1/')) return aboutOne ? 'for programs, about a call' : 'for programs'
  if (!/^\/(api-keys|account)\b/.test(path)) return undefined
  if (aboutOne) return reads ? 'reads an owner’s' : 'changes an owner’s'
  return reads ? 'reads the client’s own' : 'changes the client’s own'
}

const listedAdmin = 'lila'
const demos = startDemoUpstreams()
const shop = await openShop({
  demoUrls: Object.fromEntries(Object.entries(demos).map(([name, { url }]) => [name, url])),
  adminUserIds: [listedAdmin],
  config: { supportRole: 'support', refunds: { unknownDelivery: 'customer' } },
})
afterAll(async () => {
  await shop.close()
  await Promise.all(Object.values(demos).map((demo) => demo.stop()))
})
const { ledger, gateway } = shop
const sessions = openBrowserSessions({
  site: portal,
  rows: openSessionRows(ledger.sql),
  ipOf: () => '192.0.2.1',
})
const config = testConfig()

const check = checkDocument((await (await fetch(`${gateway.url}/docs/json`)).json()) as ApiDocument)
const documented = check.operations.map(([where]) => {
  const [method = '', path = ''] = where.split(' ')
  return `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`
})
const configured = Object.values(config.routes).flatMap(({ methods, path }) =>
  methods.map((method) => `${method} ${path}`),
)
/** Routes of the app that are not documented: the documentation itself, pages, and the one for all configured calls. */
const undocumented = [
  ...['GET /docs', 'GET /docs/json', 'GET /docs/:file', 'ALL /v1/*'],
  ...['GET /portal/sign-in', 'GET /portal/signed-in'],
  ...['GET /portal', 'GET /portal/:page', 'GET /portal/:page/:part', 'GET /portal/assets/:file'],
]
/** Routes whose query can also name a key. */
const withQuery = ['GET /account/statements/:month?keyId']
const routes = [...new Set([...registered(), ...documented, ...withQuery])]
  .filter((route) => route !== 'ALL /v1/*')
  .sort()

function registered(): string[] {
  return describedApp(config).routes.map(({ method, path }) => `${method} ${path}`)
}

/** A gateway that withholds every response. */
const deadGateway = ledger.newGateway('gw_dead')

/** Sessions are no part of the log, and who tries prices changes none. */
function changesNoLog(route: string): boolean {
  return /\/(session|sign-outs|diff|simulations)$/.test(route)
}

interface FullSubject extends Subject {
  readonly owner: Owner
  /** The user who issued the key: the owner, or a member of the organisation that is. */
  readonly maker: string
  readonly keyText: string
}

let count = 0

/** An account on the plan pro, and a key of its that its maker issued. */
async function newSubject(kind: Owner['kind']): Promise<FullSubject> {
  const n = ++count
  const maker = `mia-${n}`
  const owner: Owner = { kind, id: kind === 'user' ? maker : `acme-${n}` }
  const account = await ledger.account({ plan: 'pro', owner })
  const { accountId } = account
  const user: Owner = { kind: 'user', id: maker }
  if (kind === 'organisation') await ledger.account({ plan: 'pro', owner: user })
  const token = await tokenOf(maker, kind === 'user' ? {} : { organisation: owner.id })
  const response = await send('POST', { path: '/api-keys', json: { name: 'A key' } }, token)
  const { key, apiKey } = (await response.json()) as { key: string; apiKey: { id: string } }
  const keyId = apiKey.id
  let charged: Promise<string> | undefined
  const charge = async () => {
    const search = { path: '/v1/search', json: { query: 'toll' } }
    const sold = await send('POST', search, { 'x-api-key': key })
    if (!sold.ok) throw new Error(`the call got ${sold.status}`)
    await sold.bytes()
    return sold.headers.get('x-request-id') as string
  }
  return {
    ...{ owner, maker, accountId, keyId, keyText: key },
    charge: () => (charged ??= charge()),
    async undelivered() {
      const { shard, tariff, now } = shop.key
      const ofKey = { shard, accountId, keyId, mode: 'live' as const, version: 1, account }
      const { hold } = await deadGateway.hold({ ...ofKey, tariff, now }, 1)
      await deadGateway.settle(hold, 1)
      await deadGateway.appender.beat(true)
      return hold.requestId
    },
    operatorKey: async () => (await newOperatorKeyOf('auditor')).id,
  }
}

/** An operator key of a role, which an admin issues. */
async function newOperatorKeyOf(role: string): Promise<{ id: string; text: string }> {
  const request = { path: '/admin/operator-keys', json: { ...newOperatorKey, role } }
  const response = await send('POST', request, await tokenOf('otto', { role: 'admin' }))
  const { key: text, operatorKey } = (await response.json()) as {
    key: string
    operatorKey: { id: string }
  }
  return { id: operatorKey.id, text }
}

async function operatorKeyOf(role: string): Promise<Record<string, string>> {
  return { authorization: `Bearer ${(await newOperatorKeyOf(role)).text}` }
}

/** Routes that change nothing use one subject; each other route gets a new one, so that their order does not matter. */
const shared = new Map<Owner['kind'], Promise<FullSubject>>()
function subjectFor(route: string, kind: Owner['kind']): Promise<FullSubject> {
  if (!route.startsWith('GET ')) return newSubject(kind)
  const known = shared.get(kind) ?? newSubject(kind)
  shared.set(kind, known)
  return known
}

interface Client {
  readonly name: string
  readonly role: Role
  headers(subject: FullSubject): Record<string, string> | Promise<Record<string, string>>
}

/** Users and organisations with accounts of their own. */
const somebodyElse = 'zoe'
const otherOrganisation = 'globex'
for (const id of [somebodyElse, 'ada', 'otto', 'sue', listedAdmin]) {
  await ledger.account({ plan: 'pro', owner: { kind: 'user', id } })
}
await ledger.account({ plan: 'pro', owner: { kind: 'organisation', id: otherOrganisation } })

const clients: readonly Client[] = [
  { name: 'nobody', role: 'nobody', headers: () => ({}) },
  { name: 'another owner', role: 'stranger', headers: () => tokenOf(somebodyElse) },
  { name: 'the owner', role: 'owner', headers: ({ maker }) => tokenOf(maker) },
  {
    name: 'the owner, acting for an organisation',
    role: 'stranger',
    headers: ({ maker }) => tokenOf(maker, { organisation: otherOrganisation }),
  },
  { name: 'an auditor', role: 'auditor', headers: () => tokenOf('ada', { role: 'auditor' }) },
  { name: 'support', role: 'support', headers: () => tokenOf('sue', { role: 'support' }) },
  {
    name: 'the owner, who only reads',
    role: 'reader',
    headers: ({ maker }) => tokenOf(maker, { role: 'reader' }),
  },
  { name: 'an admin', role: 'admin', headers: () => tokenOf('otto', { role: 'admin' }) },
  { name: 'an admin by ADMIN_USER_IDS', role: 'admin', headers: () => tokenOf(listedAdmin) },
  {
    name: 'the key in X-API-Key',
    role: 'key',
    headers: ({ keyText }) => ({ 'x-api-key': keyText }),
  },
  {
    name: 'the key as a bearer token',
    role: 'key',
    headers: ({ keyText }) => ({ authorization: `Bearer ${keyText}` }),
  },
  {
    name: 'another account’s key',
    role: 'strangersKey',
    headers: async () => ({ 'x-api-key': (await newSubject('user')).keyText }),
  },
  {
    name: 'the owner’s browser',
    role: 'session',
    headers: ({ maker }) => browserOf({ subject: maker }),
  },
  {
    name: 'the browser of the owner, who only reads',
    role: 'readersSession',
    headers: ({ maker }) => browserOf({ subject: maker }, 'reader'),
  },
  {
    name: 'another owner’s browser',
    role: 'strangersSession',
    headers: () => browserOf({ subject: somebodyElse }),
  },
  {
    name: 'an operator key of an auditor',
    role: 'auditorsKey',
    headers: () => operatorKeyOf('auditor'),
  },
  {
    name: 'an operator key of support',
    role: 'supportsKey',
    headers: () => operatorKeyOf('support'),
  },
  { name: 'an operator key of an admin', role: 'adminsKey', headers: () => operatorKeyOf('admin') },
]

/** Clients of an owner that is an organisation. */
const aroundOrganisations: readonly Client[] = [
  {
    name: 'the member who issued the key',
    role: 'owner',
    headers: ({ maker, owner }) => tokenOf(maker, { organisation: owner.id }),
  },
  {
    name: 'another member of the organisation',
    role: 'owner',
    headers: ({ owner }) => tokenOf(somebodyElse, { organisation: owner.id }),
  },
  {
    name: 'a reader of the organisation',
    role: 'reader',
    headers: ({ owner }) => tokenOf('rita', { organisation: owner.id, role: 'reader' }),
  },
  {
    name: 'the browser of a reader of the organisation',
    role: 'readersSession',
    headers: ({ owner }) => browserOf({ subject: 'rita', organisation: owner.id }, 'reader'),
  },
  {
    name: 'a browser of the organisation',
    role: 'session',
    headers: ({ owner, maker }) => browserOf({ subject: maker, organisation: owner.id }),
  },
  {
    name: 'the browser of the member who issued the key, for herself',
    role: 'strangersSession',
    headers: ({ maker }) => browserOf({ subject: maker }),
  },
  {
    name: 'the member who issued the key, for herself',
    role: 'stranger',
    headers: ({ maker }) => tokenOf(maker),
  },
  {
    name: 'a member of another organisation',
    role: 'stranger',
    headers: ({ maker }) => tokenOf(maker, { organisation: otherOrganisation }),
  },
]

/** All clients with a user's subject; on owners' routes also the clients of an organisation with its subject. */
function clientsOf(kind: Kind): [Owner['kind'], Client][] {
  const users = clients.map((client): [Owner['kind'], Client] => ['user', client])
  if (!/(own|owner’s)$/.test(kind)) return users
  return [...users, ...aroundOrganisations.map((c): [Owner['kind'], Client] => ['organisation', c])]
}

test('the app and its documentation know the same routes', () => {
  const inApp = registered().filter((route) => !undocumented.includes(route))
  const inDocument = documented.filter((route) => !configured.includes(route))
  expect(inDocument.sort()).toEqual([...new Set(inApp)].sort())
  expect(registered()).toEqual(expect.arrayContaining(undocumented))
  expect(documented).toEqual(expect.arrayContaining(configured))
})

test('every route is of a known kind and has a request, and no request is left over', () => {
  expect(routes.filter((route) => kindOf(route) === undefined)).toEqual([])
  expect(routes.filter((route) => !Object.hasOwn(requests, route))).toEqual([])
  expect(Object.keys(requests).filter((route) => !routes.includes(route))).toEqual([])
})

for (const route of routes) {
  const kind = kindOf(route)
  const requestFor = requests[route]
  if (!kind || !requestFor) continue
  describe(route, () => {
    for (const [ownerKind, client] of clientsOf(kind)) {
      const outcome = outcomeFor(client.role, kind)
      const verb = outcome === served ? 'serves' : `responds ${outcome[0]} to`
      test(`${verb} ${client.name}`, async () => {
        const subject = await subjectFor(route, ownerKind)
        const request = await requestFor(subject)
        const headers = await client.headers(subject)
        const before = await endOfLog()

        const response = await ask(route, request, headers)
        const text = await response.clone().text()
        await expectOutcome(route, request, response, outcome)

        if (!maySee(client.role, kind, outcome)) expectSilent(text, subject)
        const changes = outcome === served && !route.startsWith('GET ') && !changesNoLog(route)
        expect((await appendedSince(before)).length > 0, 'something was appended').toBe(changes)
      })
    }

    if (
      outcomeFor('stranger', kind) === notYours ||
      outcomeFor('strangersKey', kind) === notYours
    ) {
      test('responds for a subject of somebody else as for one that does not exist', async () => {
        const subject = await subjectFor(route, 'user')
        const noCharge = async () => newRequestId()
        const none = { keyId: newKeyId(), charge: noCharge, undelivered: noCharge }
        const isStranger = ({ role }: Client) => outcomeFor(role, kind) === notYours
        const headers = await clients.find(isStranger)?.headers(subject)
        const responses = [subject, { ...subject, ...none }].map(async (about) => {
          const response = await ask(route, await requestFor(about), headers ?? {})
          return { ...((await response.json()) as object), requestId: '' }
        })
        const [ofAnothers, ofNone] = await Promise.all(responses)
        expect(ofAnothers).toEqual(ofNone as never)
      })
    }
  })
}

test('the gateway warned of nothing', () => {
  expect(gateway.warnings).toEqual([])
})

/** Compares status and body with the table, and with the documentation of the route. */
async function expectOutcome(
  route: string,
  request: RouteRequest,
  response: Response,
  outcome: Outcome,
) {
  const [status, code] = outcome === served ? [successOf(route), undefined] : outcome
  const type = response.headers.get('content-type')
  const isDocumented = documented.includes(route.split('?')[0] ?? '')
  const [path = ''] = request.path.split('?')
  const method = route.split(' ')[0] ?? ''
  if (status === '2XX') expect(response.status).toBeWithin(200, 300)
  else expect(response.status).toBe(Number(status))
  const body = isDocumented ? await check.expectDocumented(method, path, response) : undefined
  if (code === undefined) return
  expect(type).toBe('application/problem+json')
  expect(body).toMatchObject({ status, code })
}

/** The one status of a success of the route, by the documentation; `2XX`: an upstream chooses it. */
function successOf(route: string): string {
  const [method = '', path = ''] = route.split('?')[0]?.split(' ') ?? []
  const documentedAs = `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`
  const operation = check.operations.find(([where]) => where === documentedAs)?.[1]
  const [status, ...others] = Object.keys(operation?.responses ?? { 200: {} }).filter(
    (s) => s < '3',
  )
  if (others.length === 0) return String(status)
  expect(others).toEqual(['2XX'])
  return '2XX'
}

function maySee(role: Role, kind: Kind, outcome: Outcome): boolean {
  return (
    outcome === served &&
    (/^(operators|support|admins)/.test(kind) ||
      ['owner', 'key', 'session', 'reader', 'readersSession'].includes(role))
  )
}

/** Expects no id or secret of the subject in the response to somebody else. */
function expectSilent(text: string, { accountId, keyId, keyText }: FullSubject): void {
  for (const name of [accountId, keyId, keyText]) expect(text).not.toContain(name)
}

function ask(route: string, request: RouteRequest, headers: Record<string, string>) {
  return send(route.split(' ')[0] ?? '', request, headers)
}

function send(method: string, request: RouteRequest, headers: Record<string, string>) {
  const { path, json, form } = request
  const body = form ?? (json && JSON.stringify(json))
  return fetch(gateway.url + path, {
    method,
    headers: { ...headers, ...(json && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body }),
  })
}

/** What the browser of a user who is signed in sends from a page of the portal. */
async function browserOf(
  user: Omit<SessionOwner, 'role'>,
  role: SessionOwner['role'] = 'owner',
): Promise<Record<string, string>> {
  const { session, setCookie } = await sessions.open(new Request(gateway.url), { ...user, role })
  return {
    cookie: setCookie.split(';')[0] ?? '',
    'sec-fetch-site': 'same-origin',
    'x-csrf-token': session.csrfToken,
  }
}

async function tokenOf(
  subject: string,
  { organisation, role }: { organisation?: string; role?: string } = {},
): Promise<Record<string, string>> {
  const token = await signToken({
    ...{ secret: jwtSecret, subject, role, expiresInSeconds: 60 },
    ...(organisation && { organisation: { claim: config.organisationClaim, id: organisation } }),
  })
  return { authorization: `Bearer ${token}` }
}

async function endOfLog(): Promise<number> {
  const [row] = await ledger.sql<[{ position: number }]>`select position from heads`
  return row.position
}

/** Events after a position, without the counts of free calls, which are appended at any time. */
function appendedSince(position: number): Promise<object[]> {
  return ledger.sql`
    select type from events where position > ${position} and type <> 'CallsCounted'`
}
