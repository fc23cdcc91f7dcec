/**
 * What a management command asks for, as a hash. The ledger keeps it beside the command's result: the same command again gets
 * the same result, and verify compares it with the events that the command became.
 */
import type { NewEvent } from '../../../events/new-event.ts'
import type {
  CreditsCommand,
  GrantCommand,
  ImportUsageCommand,
  PackCommand,
  RefundCommand,
} from './management-commands.ts'
import { digest } from './sender.ts'

/** Sealed documents differ whenever they are made, so they are not part of it; nor is a name, for the log keeps none. */
export function recordDigest(events: readonly NewEvent[]): string {
  return digest(events.map((event) => ({ ...event, private: undefined, name: undefined })))
}

type Grant = Pick<
  GrantCommand,
  'accountId' | 'mode' | 'credits' | 'kind' | 'expiresAt' | 'paid' | 'spans'
>

export function grantDigest({
  accountId,
  mode,
  credits,
  kind,
  expiresAt,
  paid,
  spans,
}: Grant): string {
  return digest({ accountId, mode, credits, kind, expiresAt, paid, ...spans })
}

export function packDigest({
  accountId,
  mode,
  pack,
}: Pick<PackCommand, 'accountId' | 'mode' | 'pack'>): string {
  return digest({ accountId, mode, pack })
}

export function adjustDigest({
  accountId,
  mode,
  credits,
}: Pick<CreditsCommand, 'accountId' | 'mode' | 'credits'>): string {
  return digest({ accountId, mode, credits })
}

export function refundDigest({
  requestId,
  credits,
}: Pick<RefundCommand, 'requestId' | 'credits'>): string {
  return digest({ requestId, credits })
}

export function importDigest({
  keyId,
  usage,
}: Pick<ImportUsageCommand, 'keyId' | 'usage'>): string {
  return digest({ keyId, usage })
}
