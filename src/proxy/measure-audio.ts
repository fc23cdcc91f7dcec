/**
 * Measures the audio of a call that holds credits for its bytes at the lowest bitrate. Only then: whoever cannot pay for a file does
 * not have it read. Where it lasts longer than that, more is held.
 */
import type { Reservation } from '../gate/reservation/reservation.ts'
import { boundOf } from '../pricing/counting.ts'
import type { Refusal } from '../problems/refusal.ts'
import { creditHeaders } from './delivery/responses.ts'
import { readAudioOf } from './request/audio-of-call.ts'
import type { CallBody } from './request/request-body.ts'

/** The body with the length of its audio. Where the call is refused, its hold is released. */
export async function measureAudio(
  body: CallBody,
  reservation: Reservation,
): Promise<CallBody | { readonly refusal: Refusal; readonly headers: Record<string, string> }> {
  const release = async () => {
    const ended = await reservation.void('request_refused')
    reservation.end()
    return ended
  }
  // Others may be read first.
  reservation.keepAlive()
  try {
    const measured = await holdForAudio(body, reservation)
    if (!('refusal' in measured)) return measured
    const headers = creditHeaders(0, reservation.terms.result, await release())
    return { ...measured, headers }
  } catch (error) {
    await release()
    throw error
  }
}

async function holdForAudio(
  body: CallBody,
  reservation: Reservation,
): Promise<CallBody | { readonly refusal: Refusal }> {
  const { price, key } = reservation.terms
  const measured = await readAudioOf(body, price, key.accountId)
  if ('refusal' in measured) return measured
  const refusal = await reservation.ensure(boundOf(price, measured.content), 0)
  return refusal ? { refusal } : measured
}
