/** Texts and examples of the API documentation that stand in no schema. */
import { refusals } from '../../problems/refusal.ts'

const refusalRows = Object.entries(refusals).map(
  ([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`,
)

/** Markdown. */
export const introduction = `
A gateway that sells calls to APIs, and keeps one append-only ledger of them.

**Calls** take an API key: press *Authorize*, enter one, and try them. What a call cost, what is
left and where its settlement stands in the ledger is in the headers \`X-Credits-Charged\`,
\`X-Credits-Remaining\` and \`X-Ledger-Position\`. A call that fails is not charged.

**Keys and accounts** are for whoever signs in with a token (JWT): owners see their own, operators
everyone's.

**Refusals** are problem documents (RFC 9457). Their \`code\` is stable, and programs match on it. A path
that does not exist is refused with \`not_found\`, a method that a path does not take with \`method_not_allowed\`.
\`errors\` says what is wrong with a request, and where: at a JSON pointer into the body (\`/options/limit\`), at a
parameter of the path (\`path/id\`), or at one of the query (\`query/lang\`).

<details><summary>All codes</summary>

| code | status | meaning |
|---|---|---|
${refusalRows.join('\n')}

</details>
`.trim()

/** Of the API as its clients see it, whose terms are not Tollbook's. */
export const ownInfo = {
  contact: { name: 'Whoever runs this gateway' },
  license: { name: 'The terms of whoever runs this gateway', identifier: 'LicenseRef-Terms' },
}

export const ownTags = [
  {
    name: 'Your key',
    description: "What a customer's program can ask with its API key, unpriced.",
  },
  { name: 'API keys', description: 'For key owners: their keys, what those used, their history.' },
  { name: 'Account', description: 'For key owners: plan, credits and statements.' },
  { name: 'Portal', description: 'For the pages at `/portal`: signing in and out with a browser.' },
  {
    name: 'Operators: keys',
    description: 'For the role of admins; support may do some of it, and auditors read.',
  },
  {
    name: 'Operators: accounts',
    description: 'For the role of admins; support may do some of it, and auditors read.',
  },
  {
    name: 'Operators: reports',
    description: 'For the roles of operators: admins, support and auditors.',
  },
  {
    name: 'Operators: prices',
    description: 'For the role of admins; that of auditors and support may read.',
  },
  {
    name: 'Operators: operator keys',
    description: 'For admins in person; all operators may read.',
  },
  { name: 'System', description: 'For machines.' },
]

const time = '2026-01-31T12:00:00.000Z'
const position = '0-1234'
const keyId = 'key_7HcJ9aXe3NvQ5tGyUoB2wM'
const profile = {
  ...{ name: 'Acme GmbH', contact: 'billing@acme.example' },
  ...{ billingAddress: ['Hauptstr. 1', '10115 Berlin'], taxId: 'DE123456789' },
}
const tariff = '3f5e1a2b9c0d4e6f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f'

/** What `{id}` is an example of in a path, by `METHOD /path`. */
export function pathIdExample(where: string): string {
  if (where.includes(' /admin/operator-keys')) return 'opk_7HcJ9aXe3NvQ5tGyUoB2wM'
  if (where.includes(' /admin/accounts')) return fieldExamples.accountId as string
  return (where.includes(' /admin/charges') ? fieldExamples.requestId : keyId) as string
}

/** Examples of the gateway's own fields, by their names. */
export const fieldExamples: Readonly<Record<string, unknown>> = {
  accountId: 'acc_4fTq0bYxP2mVn8RkWzL1sD',
  actor: `key:${keyId}`,
  adjusted: 0,
  allowedEndpoints: ['search'],
  allowedIps: ['203.0.113.0/24'],
  asOf: time,
  available: 4900,
  billingAddress: profile.billingAddress,
  buyer: profile,
  contact: profile.contact,
  createdAt: time,
  cursor: position,
  creditsResetAt: '2026-02-01T00:00:00.000Z',
  currency: 'EUR',
  date: '2026-01-31',
  debt: 0,
  description: null,
  display: 'sk_live_…9q2X',
  due: 0,
  endpoint: 'search',
  endsAt: '2026-02-01T00:00:00.000Z',
  erased: false,
  errors: 0,
  errorRate: 0.01,
  expiresAt: '2026-12-31T23:59:59.000Z',
  externalId: 'invoice-2026-0042',
  from: '2026-01-01T00:00:00.000Z',
  frozen: false,
  granted: 5000,
  hash: tariff,
  held: 0,
  heldAt: time,
  id: keyId,
  instance: 'gw_0a1b2c3d',
  key: 'sk_live_0K4fTq0bYxP2mVn8RkWzL1sD9q2X7HcJ9aXe3N',
  keyId,
  keyPrefix: 'sk_live_…9q2X',
  kind: 'paid',
  lapsed: 0,
  lastUsedAt: time,
  lot: '0-1200',
  lots: ['0-1200'],
  message: 'Done.',
  mode: 'live',
  month: '2026-01',
  minorUnits: 1900,
  monthlyCap: null,
  monthlyCredits: 5000,
  name: 'Production',
  nextCursor: position,
  notice: null,
  occurredAt: time,
  openedAt: time,
  organizationId: null,
  overageDue: 0,
  owner: { kind: 'user', id: 'user-1' },
  payload: {},
  permissions: ['search'],
  plan: 'pro',
  plannedPlan: null,
  position,
  positions: [position],
  profile,
  rateLimit: 100,
  recordedAt: time,
  refunded: 0,
  remaining: 99,
  requestId: '019b0f6e-7c1a-7d2b-8e3c-4f5a6b7c8d9e',
  resolvedAt: time,
  revokedAt: null,
  role: 'auditor',
  rolloverMax: null,
  seller: { name: 'Calls GmbH', address: ['Marktplatz 3', '20095 Hamburg'] },
  settled: 100,
  settledAt: time,
  status: 'settled',
  startsAt: '2026-01-01T00:00:00.000Z',
  stream: 'credits-acc_4fTq0bYxP2mVn8RkWzL1sD',
  streamVersion: null,
  summary: 'Charged 1 credit for search',
  timeZone: 'Europe/Berlin',
  tariff,
  through: position,
  tier: 'pro',
  type: 'HoldSettled',
  until: '2026-02-01T00:00:00.000Z',
  updatedAt: time,
  userId: 'user-1',
  windowMs: 60_000,
}

/** Bodies worth trying, for routes whose fields are all optional, by method and path. */
export const bodyExamples: Readonly<Record<string, unknown>> = {
  'patch /api-keys/{id}': { name: 'Production', rateLimit: 50, allowedIps: ['203.0.113.0/24'] },
  'post /api-keys/{id}/regenerate': { graceSeconds: 3600 },
  'patch /account': { profile },
  'patch /admin/api-keys/{id}': { monthlyCredits: 2000, reason: 'Asked for by telephone' },
  'delete /admin/api-keys/{id}': { reason: 'It was found in a public repository' },
  'patch /admin/accounts/{id}': { plan: 'pro', reason: 'Contract of 31 January' },
  'post /admin/accounts/{id}/grants': {
    credits: 1000,
    kind: 'paid',
    externalId: 'invoice-2026-0042',
    paid: { minorUnits: 1900, currency: 'EUR' },
  },
  'post /admin/accounts/{id}/adjustments': {
    credits: 100,
    externalId: 'correction-7',
    reason: 'Granted twice',
  },
  'post /admin/charges/{id}/refund': { credits: 1, reason: 'The response did not arrive' },
}
