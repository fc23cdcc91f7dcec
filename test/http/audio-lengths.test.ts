/** Audio is sold by what is in a file, whatever its header says. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { audioFiles } from '../support/audio-files.ts'
import { type CallEvent, openShop, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop()
})
afterAll(() => shop.close())

async function transcribe(file: Uint8Array<ArrayBuffer>, type: string) {
  // The upstream says nothing of seconds.
  shop.upstream.respond(() => Response.json({ text: '' }))
  const form = new FormData()
  form.set('file', new Blob([file], { type }), 'audio')
  const response = await shop.fetch('/v1/stt/transcribe', { method: 'POST', body: form })
  expect(response.status).toBe(200)
  const events = await shop.eventsOf(response.headers.get('x-request-id'))
  return { held: heldIn(events), charged: response.headers.get('x-credits-charged') }
}

const heldIn = (events: readonly CallEvent[]) =>
  events
    .filter(({ type }) => type === 'CreditsHeld' || type === 'HoldExtended')
    .reduce((sum, { quantity }) => sum + (quantity ?? 0), 0)

describe.each(Object.entries(audioFiles))('%s', (name, fileOf) => {
  test('whose header claims a second of 150 is held for and charged as 150', async () => {
    const { held, charged } = await transcribe(fileOf({ seconds: 150, claimed: 1 }), 'audio/x')
    expect(held).toBeGreaterThanOrEqual(150)
    expect(charged).toBe('30')
  })

  test('whose header claims an hour more than it has is charged for what it has', async () => {
    // An MP4's list of edits says what is played, and frames may be played again.
    if (name === 'MP4') return
    const { charged } = await transcribe(fileOf({ seconds: 30, claimed: 3_630 }), 'audio/x')
    expect(charged).toBe('10')
  })
})
