/** A price for each started unit of seconds of an audio file, as long as what is in it lasts, whatever its header says. */
import { type Static, Type } from '@sinclair/typebox'
import type { Fault } from '../../lib/fault.ts'
import { pointerStep, valueAt } from '../../lib/json-pointer.ts'
import { atLeast, closed, pointer } from '../../lib/schema-fields.ts'
import { bodyFaults, inResponse } from '../pointer-checks.ts'
import type { PriceableRoute, PriceKind } from '../price-kind.ts'
import { proportionalFields, rateText } from '../rate.ts'
import { unitOf } from '../rule-fields.ts'
import { fieldText, numberText } from '../text-parts.ts'

export const SecondPrice = closed(
  {
    per: Type.Literal('second'),
    unit: unitOf('seconds'),
    ...proportionalFields,
    hold: closed(
      {
        audio: Type.String({ minLength: 1, description: 'The form field that carries the audio.' }),
        lowestBitsPerSecond: atLeast(
          1,
          'The lowest bitrate accepted: a file of so many bits cannot last longer than at this rate.',
        ),
        maxSeconds: atLeast(1, 'No call is held, or charged, for more than this.'),
      },
      {
        description:
          "Held before the call: the larger of the file's duration and bytes × 8 ÷ lowestBitsPerSecond, at most maxSeconds.",
      },
    ),
    settle: Type.Optional(
      closed(
        { number: pointer },
        {
          description:
            "Charged after the call: the seconds that the response says, where it says them; else the file's duration, where it can be counted; else as held. What it says beyond the hold is recorded as a shortfall.",
        },
      ),
    ),
  },
  { description: 'A price for each started unit of seconds of audio.' },
)

export const perSecond: PriceKind<Static<typeof SecondPrice>> = {
  inUnits: true,
  readsJson: ({ settle }) => settle !== undefined,

  findFaults({ hold, settle }, route) {
    const faults = [
      ...audioFaults(hold.audio, route),
      ...bodyFaults(route, ['price', 'hold', 'audio']),
    ]
    if (settle === undefined) return faults
    const path = ['price', 'settle', 'number']
    return [...faults, ...inResponse(route, path, settle.number, 'number')]
  },

  countedIn: ({ hold }) => [pointerStep(hold.audio)],

  holdQuantity({ hold }, { files }) {
    const audio = files?.[hold.audio]
    if (audio === undefined) throw new TypeError('no audio')
    const atLowestRate = Math.ceil((audio.bytes * 8) / hold.lowestBitsPerSecond)
    const said = wholeSeconds(audio.seconds ?? audio.claimedSeconds) ?? 0
    return Math.min(Math.max(said, atLowestRate), hold.maxSeconds)
  },

  maxQuantity: ({ hold }) => hold.maxSeconds,

  /** Without a duration in the response that of the file counts, and where it cannot be counted all that was held. */
  usedQuantity({ hold, settle }, { request, response }, held) {
    const reported = settle && wholeSeconds(valueAt(response.json, settle.number))
    const counted = wholeSeconds(request.files?.[hold.audio]?.seconds)
    return Math.min(reported ?? counted ?? held, hold.maxSeconds)
  },

  text: (rule, scale) =>
    [
      `${rateText(rule, 'for each second', 'seconds', ' of audio', scale)}.`,
      `Held for as long as the file lasts or, if longer, for its size at ${numberText(rule.hold.lowestBitsPerSecond)} bits a second, at most ${numberText(rule.hold.maxSeconds)} seconds;`,
      rule.settle
        ? `charged for the response's ${fieldText(rule.settle.number)} where it says so, else for as long as the file lasts, never more than was held.`
        : 'charged for as long as the file lasts, never more than was held.',
    ].join(' '),
  shortText: (rule, scale) => rateText(rule, 'for each s', 's', '', scale),
}

function audioFaults(field: string, { request }: PriceableRoute): Fault[] {
  const path = ['price', 'hold', 'audio']
  if (!request || !('multipart' in request)) {
    return [{ path, message: 'needs request.multipart, which carries the audio' }]
  }
  const { files } = request.multipart
  if (!Object.hasOwn(files, field)) {
    const names = Object.keys(files).map((name) => JSON.stringify(name))
    const known = names.length === 1 ? `file is ${names}` : `files are ${names.join(', ')}`
    return [{ path, message: `the form's ${known}, got ${JSON.stringify(field)}` }]
  }
  if (!files[field]?.optional) return []
  return [{ path, message: `request.multipart.files.${field} must not be optional` }]
}

/**
 * Seconds rounded up, or undefined for what is no duration. They are rounded to the millisecond first: arithmetic
 * on audio frames makes 60.0000001 of a minute.
 */
function wholeSeconds(seconds: unknown): number | undefined {
  if (typeof seconds !== 'number' || !(seconds >= 0)) return undefined
  const whole = Math.ceil(Math.round(seconds * 1000) / 1000)
  return Number.isSafeInteger(whole) ? whole : undefined
}
