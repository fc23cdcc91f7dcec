/** What a restored ledger has lost, as tables. */
import { printable } from '../../lib/printable-text.ts'
import { addSums, figureOf } from '../../lib/sums.ts'
import type { LostCharge, LostEvents } from '../../reports/lost/read-lost-events.ts'
import { eventAsText } from '../events/event-line.ts'
import {
  asCredits,
  bold,
  creditFigure,
  credits,
  dim,
  formatNumber,
  heading,
  say,
  table,
  time,
  write,
} from '../output.ts'

export function printLostEvents({ ranges, accounts, decided }: LostEvents): void {
  if (ranges.length === 0)
    say('Nothing is lost: the ledger has every event up to the end of the copy.')
  else printLost({ ranges, accounts, decided })
}

function printLost({ ranges, accounts, decided }: LostEvents): void {
  for (const { from, upTo, recordedFrom, recordedTo, events } of ranges) {
    const when = `recorded from ${time(recordedFrom)} to ${time(recordedTo)} UTC`
    say(`${from} to ${upTo} are lost: ${formatNumber(events)} events, ${when}.`)
  }
  heading('Charges of live calls')
  if (accounts.length === 0) say(dim('None.'))
  else {
    table(
      ['Account', 'Charges', 'Credits', 'Refunded'],
      accounts.map(({ accountId, charges, ...sums }) => [
        ...[accountId, figureOf(charges)],
        ...[asCredits(sums.credits), asCredits(sums.refunded)],
      ]),
    )
    const charges = addSums(...accounts.map(({ charges }) => charges))
    const sum = addSums(...accounts.map(({ credits }) => credits))
    say(bold(`${formatNumber(charges)} charges, ${credits(sum)}`))
  }
  heading('Decided, and not done again by itself')
  if (decided.length === 0) say(dim('Nothing.'))
  for (const event of decided) say(eventAsText(event, undefined))
}

export async function printLostCharges(
  charges: AsyncIterable<readonly LostCharge[]>,
): Promise<void> {
  let isFirst = true
  for await (const some of charges) {
    if (some.length === 0) continue
    if (isFirst) heading('Charges one by one')
    isFirst = false
    const lines = some.map(({ position, recordedAt, accountId, endpoint, requestId, ...charge }) =>
      [
        ...[position.padEnd(9), time(recordedAt), accountId, printable(requestId)],
        ...[printable(endpoint), creditFigure(charge.credits)],
      ].join('  '),
    )
    await write(`${lines.join('\n')}\n`)
  }
}
