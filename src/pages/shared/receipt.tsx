/** One call as a receipt: what was held, charged and refunded, or why it was refused. */
import type { ComponentChildren } from 'preact'
import { usePage } from './context.ts'
import { timeText } from './format.ts'
import { deliveryWords, refusalWords, terminationWords } from './receipt-words.ts'
import type { Receipt } from './types.ts'

interface Step {
  readonly what: string
  readonly when?: string | null | undefined
  readonly position?: string | undefined
}

/** @param notes what is known of the events of a step beyond its receipt, by their positions */
export function Steps(props: {
  call: Receipt
  /** What the call was of. */
  about: ComponentChildren
  notes?: Readonly<Record<string, string>>
}) {
  const { call, about, notes = {} } = props
  const { credits } = usePage()
  const steps = call.status === 'refused' ? refusedSteps(call, credits) : stepsOf(call, credits)
  return (
    <>
      <p class="large">{outcomeText(call, credits)}</p>
      <p>{about}</p>
      <ol class="steps">
        {steps.map(({ what, when, position }) => (
          <li key={what}>
            <p>{what}</p>
            {position !== undefined && notes[position] !== undefined && <p>{notes[position]}</p>}
            <p class="note">
              {when && timeText(when)}{' '}
              {position && (
                <>
                  position <code>{position}</code>
                </>
              )}
            </p>
          </li>
        ))}
      </ol>
    </>
  )
}

type Credits = (sum: number | string) => string

function outcomeText(
  { status, credits: charged = 0, refunded = 0 }: Receipt,
  credits: Credits,
): string {
  switch (status) {
    case 'held':
      return 'Still under way'
    case 'settled':
      return refunded > 0
        ? `${credits(charged)} charged, ${credits(refunded)} refunded`
        : `${credits(charged)} charged`
    case 'refused':
      return 'Refused, nothing charged'
    default:
      return 'Not charged'
  }
}

function stepsOf(call: Receipt, credits: Credits): Step[] {
  const { positions = {}, heldCredits = 0, credits: charged = 0, refunded = 0 } = call
  const at = (name: string) => [positions[name] ?? []].flat()[0]
  const counted = [
    call.quantity !== undefined && `${call.quantity.toLocaleString('en')} counted`,
    ...Object.entries(call.parts ?? {}).map(([name, n]) => `${name} ${n.toLocaleString('en')}`),
    call.by !== undefined && `at the rate of ${call.by}`,
  ].filter((text) => text)
  const steps: Step[] = [
    {
      what: `Held: up to ${credits(heldCredits)}, set aside when the call began.`,
      ...{ when: call.heldAt, position: at('held') },
    },
  ]
  if (call.status === 'settled') {
    steps.push({
      what: `Charged: ${credits(charged)}${counted.length > 0 ? ` (${counted.join(', ')})` : ''}.`,
      ...{ when: call.settledAt, position: at('settled') },
    })
  }
  if (call.status === 'released') {
    const why = refusalWords[call.reason ?? ''] ?? (call.reason ?? '').replaceAll('_', ' ')
    steps.push({
      what: `Released: nothing was charged. ${why}`,
      ...{ when: call.resolvedAt, position: at('released') },
    })
  }
  if (call.status === 'expired') {
    steps.push({
      what: 'Expired: the gateway never ended the call, and nothing was charged.',
      ...{ when: call.resolvedAt, position: at('expired') },
    })
  }
  const termination = terminationWords[call.terminatedBy ?? '']
  if (termination !== undefined) steps.push({ what: termination })
  const delivery = deliveryWords[call.delivery ?? '']
  if (delivery !== undefined) steps.push({ what: delivery })
  if (refunded > 0) {
    steps.push({ what: `Refunded: ${credits(refunded)}.`, position: at('refunded') })
  }
  return steps
}

function refusedSteps({ reason = '', figures = {}, refusedAt }: Receipt, credits: Credits): Step[] {
  const { required, available, limit } = figures
  const needed =
    required === undefined
      ? ''
      : ` It would have needed ${credits(required)}, and there were ${credits(available ?? 0)}.`
  const why = refusalWords[reason] ?? `The reason is ${reason.replaceAll('_', ' ')}.`
  const reached = limit === undefined ? '' : ` The limit is ${limit}.`
  return [{ what: `Refused: ${why}${needed}${reached}`, when: refusedAt }]
}
