/** The operator of a run: opens the shop, and gives commands over no network. */
import type { Budget } from '../../events/budget.ts'
import { tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { mintKey } from '../../src/gate/authenticate/key-format.ts'
import {
  type ManagementCommands,
  openManagementCommands,
} from '../../src/ledger/commands/management-commands.ts'
import { type Random, seeded } from '../faults/random.ts'
import { prefixes } from '../support/test-ledger.ts'
import type { LedgerHost } from './ledger-host.ts'
import type { AccountPlan } from './plan.ts'
import { epochMs } from './scheduler.ts'
import { config } from './shop.ts'
import { type Note, statementName } from './trace.ts'
import { sqlOver } from './wire-client.ts'

/** Who has an account, and its key. */
export interface Customer {
  readonly accountId: string
  readonly keyId: string
  /** The key's text. */
  readonly key: string
  isRevoked: boolean
  /** Of the account's stream, as far as the operator knows. */
  version: number
}

const from = new Date(epochMs).toISOString()

export class Operator {
  private readonly commands: ManagementCommands
  private grants = 0
  private budgets = 0

  constructor(host: LedgerHost, note: Note) {
    const send = async (statement: Parameters<LedgerHost['execute']>[0]) => {
      const reply = await host.execute(statement)
      note(() => {
        const result = 'rows' in reply ? reply.rows[0]?.[0] : JSON.stringify(reply.error)
        return `operator: ${statementName(statement)} ${result}`
      })
      return reply
    }
    this.commands = openManagementCommands(sqlOver(send), 'operator')
  }

  /** Publishes the tariff and opens the accounts, each with a key. */
  async openShop(accounts: readonly AccountPlan[]): Promise<Customer[]> {
    const tariff = tariffOf(config)
    await this.commands.record(0, {
      ...{ id: 'tariff', actor: 'cli', expected: [] },
      events: [{ type: 'TariffPublished', payload: { hash: tariffHash(tariff), from, ...tariff } }],
    })
    const customers: Customer[] = []
    for (const [nth, account] of accounts.entries()) {
      customers.push(await this.openAccount(nth, account))
    }
    return customers
  }

  private async openAccount(nth: number, { plan, granted }: AccountPlan): Promise<Customer> {
    const accountId = `acc_${nth}`
    const keyId = `key_${nth}`
    const { key, hash, display } = mintKey({
      ...{ prefixes, mode: 'live', shard: 0, random: bytesOf(seeded(nth)) },
    })
    const limits = { endpoints: null, rateLimit: null, monthlyCap: null, expiresAt: null }
    const fee = { minorUnits: 0, currency: 'EUR' }
    const owner = { kind: 'user', id: String(nth) }
    await this.commands.record(0, {
      ...{ id: accountId, actor: 'cli', secret: new Uint8Array(32).fill(nth) },
      expected: [
        { stream: 'account', id: accountId, version: 0 },
        { stream: 'key', id: keyId, version: 0 },
      ],
      events: [
        { type: 'AccountOpened', payload: { owner }, accountId },
        { type: 'PlanStarted', payload: { plan, from, fee }, accountId },
        {
          ...{ type: 'KeyIssued', accountId, keyId, mode: 'live' },
          payload: { hash, display, ...limits },
        },
      ],
    })
    const customer = { accountId, keyId, key, isRevoked: false, version: 2 }
    if (granted > 0) await this.grant(customer, granted)
    return customer
  }

  async grant({ accountId }: Customer, credits: number): Promise<void> {
    const externalId = `grant-${++this.grants}`
    await this.commands.grant(0, {
      ...{ accountId, mode: 'live', credits, kind: 'promotional', actor: 'cli', externalId },
      startsAt: from,
    })
  }

  async adjust({ accountId }: Customer, credits: number): Promise<void> {
    await this.commands.adjust(0, { accountId, mode: 'live', credits, actor: 'cli' })
  }

  async setBudget(customer: Customer, budget: Pick<Budget, 'credits' | 'timeZone'>): Promise<void> {
    const { accountId, version } = customer
    const { credits, timeZone } = budget
    const { verdict } = await this.commands.record(0, {
      ...{ id: `budget-${accountId}-${++this.budgets}`, actor: 'cli' },
      expected: [{ stream: 'account', id: accountId, version }],
      events: [
        {
          ...{ type: 'AccountBudgetsChanged', accountId },
          payload: { budgets: [{ credits, per: 'day', timeZone }] },
        },
      ],
    })
    if (verdict === 'ok') customer.version++
  }

  async revoke(customer: Customer): Promise<void> {
    if (customer.isRevoked) return
    customer.isRevoked = true
    const { keyId, accountId } = customer
    await this.commands.record(0, {
      ...{ id: `revoke-${keyId}`, actor: 'cli' },
      expected: [{ stream: 'key', id: keyId, version: 1 }],
      events: [{ type: 'KeyRevoked', payload: {}, accountId, keyId, mode: 'live' }],
    })
  }
}

function bytesOf(random: Random) {
  return (count: number) => Uint8Array.from({ length: count }, () => random.int(0, 255))
}
