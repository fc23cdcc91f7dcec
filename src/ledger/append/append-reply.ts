/** Decodes what the ledger replies to a batch. */
import type { AppendRow, RegistrationRow } from './append-connection.ts'
import { type CommandResult, isVerdict } from './call-commands.ts'
import type { HighWaterMark } from './high-water-marks.ts'

/** What became of a batch as a whole. */
export type BatchOutcome =
  | 'appended'
  /** It was appended when it was sent before. */
  | 'repeated'
  /** The producer has sent later batches since. */
  | 'superseded'
  /** The ledger does not know the producer, or not any more. */
  | 'unknown_producer'
  /** The producer was silent for too long: others may count on it to deliver nothing any more. */
  | 'fenced'
  /** The owner has accepted the loss of events since the producer was registered. */
  | 'loss_accepted'
  /** The log is not the one that a gateway has seen. */
  | 'log_diverged'
  /** The ledger's clock has jumped ahead, and is not this gateway's. */
  | 'clock_disagrees'

export interface BatchReply {
  readonly recordedAt: Date
  /** Where the log ends. */
  readonly end: HighWaterMark
  /** In the order of the commands. */
  readonly results: readonly (CommandResult | UndecodableResult)[]
}

/** The command was decided, and what the ledger replies for it cannot be read. */
export class UndecodableResult extends Error {
  override readonly name = 'UndecodableResult'
}

/** The reply as a whole cannot be read. */
export class UndecodableReply extends Error {
  override readonly name = 'UndecodableReply'
}

/** @throws UndecodableReply */
export function decodeEnd(row: RegistrationRow | AppendRow): {
  readonly recordedAt: Date
  readonly end: HighWaterMark
} {
  const recordedAt = new Date(row.recorded_at ?? '')
  const end = {
    epoch: Number(row.log_epoch ?? Number.NaN),
    position: Number(row.log_position ?? Number.NaN),
    hash: row.log_hash ?? '',
  }
  const isRead =
    !Number.isNaN(recordedAt.getTime()) &&
    Number.isSafeInteger(end.epoch) &&
    Number.isSafeInteger(end.position)
  if (!isRead) throw new UndecodableReply(`no end of the log: ${JSON.stringify(row)}`)
  return { recordedAt, end }
}

/**
 * The reply to an appended batch of so many commands.
 * @throws UndecodableReply
 */
export function decodeReply(row: AppendRow, commands: number): BatchReply {
  const verdicts = words(row.verdicts)
  const positions = words(row.positions)
  const available = words(row.available)
  if ([verdicts, positions, available].some(({ length }) => length !== commands)) {
    throw new UndecodableReply(`${verdicts.length} verdicts for ${commands} commands`)
  }
  const results = verdicts.map((verdict, i) =>
    decodeResult(verdict, positions[i] as string, available[i] as string),
  )
  return { ...decodeEnd(row), results }
}

function decodeResult(
  verdict: string,
  position: string,
  available: string,
): CommandResult | UndecodableResult {
  const colon = verdict.indexOf(':')
  if (colon > 0) {
    const decode = verdict.startsWith('budget_exceeded:') ? decodeExceeded : decodeWithCredits
    return decode(verdict, colon, position, available)
  }
  const result = { position: Number(position), available: Number(available) }
  if (
    isVerdict(verdict) &&
    Number.isSafeInteger(result.position) &&
    Number.isSafeInteger(result.available)
  ) {
    return { verdict, ...result }
  }
  return new UndecodableResult(`${verdict}, position ${position}, available ${available}`)
}

/** `ok:17`: what was priced by tiers says what it costs. */
function decodeWithCredits(
  verdict: string,
  colon: number,
  ...rest: [position: string, available: string]
): CommandResult | UndecodableResult {
  const credits = Number(verdict.slice(colon + 1))
  // Credits that are none make it no verdict.
  const word = Number.isSafeInteger(credits) ? verdict.slice(0, colon) : verdict.replace(':', ' ')
  const result = decodeResult(word, ...rest)
  return result instanceof UndecodableResult ? result : { ...result, credits }
}

/** `budget_exceeded:1907704800:50:account day Europe/Berlin`, with tabs in the budget's name. */
function decodeExceeded(
  verdict: string,
  colon: number,
  ...rest: [position: string, available: string]
): CommandResult | UndecodableResult {
  const [, ends, credits, name] =
    /^(\d{1,12}):(\d{1,13}):(.+)$/s.exec(verdict.slice(colon + 1)) ?? []
  // A budget that cannot be read makes it no verdict.
  if (name === undefined) return decodeResult(verdict.replaceAll(':', ' '), ...rest)
  const result = decodeResult(verdict.slice(0, colon), ...rest)
  if (result instanceof UndecodableResult) return result
  const exceeded = {
    name: name.replaceAll('\t', ' '),
    credits: Number(credits),
    endsAt: new Date(Number(ends) * 1_000),
  }
  return { ...result, exceeded }
}

function words(text: string | null): string[] {
  return text ? text.split(' ') : []
}
