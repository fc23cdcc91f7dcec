/** A lease as this gateway keeps it, and the commands by which it is taken and released. */
import type { AppendResult, Hold, LeaseHold, Release } from '../../ledger/append/call-commands.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { type LeaseSize, type LeaseTerms, leaseSeconds } from './lease-policy.ts'
import { purchasePreconditions } from './purchase-preconditions.ts'

/** Credits and slots that are reserved for many calls of a key. */
export interface CreditLease extends LeaseTerms {
  /** Names it in the ledger. Changes when the lease is split. */
  id: string
  slots: number
  credits: number
  /** What the ledger was asked for. */
  command: LeaseHold
  /** Until it resolves, no command can name the lease: it is being split. */
  renewal: Promise<void> | undefined
  /** The ledger's result for the first command. */
  readonly result: AppendResult
  /** No call begins on it any more. */
  isRetired: boolean
}

/** A call that could run on a lease. */
export interface LeaseRequest {
  readonly key: KeyRecord
  /** How many calls the account may have in flight, by its limits or its plan. */
  readonly maxInFlight: number
  /** The upper bound of its price. */
  readonly credits: number
  /** How long it can take until it is charged. */
  readonly seconds: number
}

export function leaseCommand(
  { key, seconds }: LeaseRequest,
  { slots, credits }: LeaseSize,
  requestId: string,
): LeaseHold {
  return {
    ...{ kind: 'lease', ...purchasePreconditions(key), requestId },
    ...{ tariff: key.tariff, credits, slots },
    holdSeconds: leaseSeconds(seconds),
  }
}

/** @param acceptsForMs for how long calls begin on it */
export function newLease(
  command: LeaseHold,
  result: AppendResult,
  { slots, credits }: LeaseSize,
  askedAtMs: number,
  acceptsForMs: number,
): CreditLease {
  return {
    ...{ command, result, id: command.requestId, slots, credits },
    ...{ availableSlots: slots, availableCredits: credits, soldAtMs: askedAtMs, isRetired: false },
    renewal: undefined,
    acceptsUntilMs: askedAtMs + acceptsForMs,
    expiresAtMs: askedAtMs + command.holdSeconds * 1_000,
  }
}

/**
 * Reduces the lease to what runs on it, under a new id. Returns the command that takes it in place of the old one.
 * @param by a hold by the key and the tariff as they are now, which may have changed since the lease was taken
 */
export function shrinkToCallsInFlight(
  lease: CreditLease,
  requestId: string,
  { keyVersion, accountVersion, previousSecret, tariff }: Hold,
): LeaseHold {
  lease.slots -= lease.availableSlots
  lease.credits -= lease.availableCredits
  lease.availableSlots = 0
  lease.availableCredits = 0
  lease.id = requestId
  const { slots, credits } = lease
  const now = { keyVersion, accountVersion, previousSecret, tariff }
  lease.command = { ...lease.command, ...now, requestId, slots, credits }
  return lease.command
}

export function releaseCommand({ command }: CreditLease): Release {
  const { requestId, accountId, keyId, mode, tariff, actor } = command
  return {
    ...{ kind: 'release', requestId, accountId, keyId, mode, tariff, actor },
    ...{ endpoint: null, reason: 'lease_released', latencyMs: 0 },
  }
}

/**
 * Whether the ledger granted the lease by the same versions and tariff. A sale to one version of a key says nothing
 * about another version of it.
 */
export function isGrantedAlike({ command }: CreditLease, key: KeyRecord): boolean {
  return (
    command.keyVersion === key.keyVersion &&
    command.accountVersion === key.accountVersion &&
    command.tariff === key.tariff
  )
}
