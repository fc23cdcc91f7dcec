/** Commands whose senders wait for results, from the queue to their batch's result. */
import type { AppendResult, CallCommand } from './call-commands.ts'

export interface WaitingCommand {
  readonly command: CallCommand
  /** The same object for commands of one group, which are never parted. */
  readonly group: object
  readonly resolve: (result: AppendResult) => void
  readonly reject: (error: Error) => void
  /** On the monotonic clock: the sender waits no longer than this. */
  readonly giveUpAtMs: number
  hasGivenUp: boolean
}

const maxCommands = 1_000
/** So few are cheaper in one batch than in two. */
const minCommands = 32

/**
 * Takes the next batch off the queue. Of many senders that is half: while the ledger decides their commands, those of the
 * batch before it go on. If a batch took them all, the ledger and the senders would wait for each other in turns; and a batch
 * costs much by itself, so they are no smaller.
 * @param resolved how many commands the batch before had, whose senders go on now
 */
export function takeBatch(queue: WaitingCommand[], resolved: number): WaitingCommand[] {
  const half = Math.ceil((queue.length + resolved) / 2)
  let size = Math.min(Math.max(half, minCommands), maxCommands, queue.length)
  while (!canPartAt(queue, size)) size++
  return queue.splice(0, size).filter(({ hasGivenUp }) => !hasGivenUp)
}

/** Two parts of a batch, parted as near to its middle as no group is parted; undefined: it is one command, or one group. */
export function halveBatch(
  batch: readonly WaitingCommand[],
): [WaitingCommand[], WaitingCommand[]] | undefined {
  const middle = batch.length >> 1
  const after = range(Math.max(middle, 1), batch.length - 1).find((index) =>
    canPartAt(batch, index),
  )
  const at = after ?? range(1, middle).findLast((index) => canPartAt(batch, index))
  return at === undefined ? undefined : [batch.slice(0, at), batch.slice(at)]
}

/** Lets senders go that have waited long enough. */
export function giveUpOverdue(
  waiting: readonly WaitingCommand[],
  nowMs: number,
  error: () => Error,
): void {
  for (const each of waiting) {
    if (!each.hasGivenUp && each.giveUpAtMs <= nowMs) giveUp(each, error())
  }
}

export function giveUp(waiting: WaitingCommand, error: Error): void {
  waiting.hasGivenUp = true
  waiting.reject(error)
}

/** Whether no group is parted before this one. */
function canPartAt(list: readonly WaitingCommand[], index: number): boolean {
  return index === list.length || list[index - 1]?.group !== list[index]?.group
}

/** From first to last, both included. */
function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => first + i)
}
