/** What a command of a price with tiers costs, by a second arithmetic: one after the other, tier by tier. */
import type { ChargeOnLease, Hold, Settle } from '../../src/ledger/append/call-commands.ts'
import { monthOf } from './log.ts'
import type { Row, State } from './oracle.ts'

type TieredCommand = Hold | ChargeOnLease | Settle

/** What is held or charged, and the volume that it goes by. */
interface TieredCost {
  readonly credits: number
  readonly volume: number
}

/** @param time of the hold, or the charge on a lease, in microseconds. undefined: it cannot be priced */
export function tieredCost(
  state: State,
  command: TieredCommand,
  shard: number,
  time: number,
): TieredCost | undefined {
  const component = command.tiered?.component ?? ''
  const quantity = component === '' ? command.quantity : command.parts?.[component]
  const tiers = [command.plan ?? '', '']
    .map((plan) => state.tariff_tiers.get(`${command.tariff} ${command.endpoint} ${plan} ${shard}`))
    .find((row) => row?.component === component)
  if (!tiers || quantity === undefined || quantity < 0 || quantity > 10 ** 12) return undefined
  const { accountId, mode, endpoint } = command
  const id = `${accountId} ${mode} ${endpoint} ${component} ${monthOf(time)} ${shard}`
  const volume = Number(state.monthly_volumes.get(id)?.volume ?? 0)
  const others = command.credits - mostFrom(tiers, 0, quantity)
  const credits =
    others +
    (command.kind === 'hold'
      ? mostFrom(tiers, volume, quantity)
      : upTo(tiers, volume + quantity) - upTo(tiers, volume))
  const isPossible = others >= 0 && credits <= 10 ** 12 && Number.isSafeInteger(volume + quantity)
  return isPossible ? { credits, volume } : undefined
}

function tiersOf({ up_to, rates }: Row): { readonly last: number; readonly rate: bigint }[] {
  const lasts = up_to as readonly (number | null)[]
  return lasts.map((last, i) => ({
    last: last ?? Number.POSITIVE_INFINITY,
    rate: BigInt((rates as readonly number[])[i] ?? 0),
  }))
}

/** What the first so many of a month cost, rounded up. */
function upTo(row: Row, count: number): number {
  let [left, from, cost] = [count, 0, 0n]
  for (const { last, rate } of tiersOf(row)) {
    const here = Math.min(left, last - from)
    cost += BigInt(here) * rate
    left -= here
    from = last
  }
  return ceilMillionths(cost)
}

function mostFrom(row: Row, volume: number, quantity: number): number {
  const open = tiersOf(row).filter(({ last }) => last > volume)
  const [highest = 0n] = open.map(({ rate }) => rate).sort((a, b) => Number(b - a))
  return ceilMillionths(BigInt(quantity) * highest)
}

function ceilMillionths(cost: bigint): number {
  return Number(cost / 1_000_000n) + (cost % 1_000_000n > 0n ? 1 : 0)
}
