/** Streams that are charged only where the upstream sends a certain event before their end. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chat, chatConfig, event, flow, tokenPrice, tokens } from '../support/chat.ts'
import { rawCall, rawPost } from '../support/raw-client.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

const conditions = {
  'by its name': { event: 'message_stop' },
  'by its data': { event: { pointer: '/type', equals: 'stop' } },
}
const stop = 'event: message_stop\ndata: {"type":"stop"}\n\n'

describe.each(Object.entries(conditions))('an event that is told %s', (_, chargeWhen) => {
  let shop: Shop
  beforeAll(async () => {
    shop = await openShop({ config: chatConfig({ price: tokenPrice, chargeWhen }) })
  })
  afterAll(() => shop.close())

  const begin = () => {
    const service = flow(shop.upstream)
    const call = rawCall(
      shop.gateway.url,
      rawPost('/v1/chat/completions', shop.key.text, { ...chat, max_tokens: 100 }),
    )
    return { service, call }
  }

  test('comes: what was sent is charged', async () => {
    const { service, call } = begin()
    await service.send(tokens(25) + stop)
    await service.end()
    await call.ended()
    expect(call.whole).toBe(true)
    const events = await shop.outcomeOf(call.header('x-request-id'), 'HoldSettled')
    expect(events.at(-1)?.credits).toBe(26)
  })

  test('does not come: the stream is whole, and costs nothing', async () => {
    const { service, call } = begin()
    await service.send(tokens(25) + event({ type: 'stopped' }))
    await service.end()
    await call.ended()
    expect(call.whole).toBe(true)
    expect(call.body.toString()).toEndWith(event({ type: 'stopped' }))
    const events = await shop.outcomeOf(call.header('x-request-id'), 'HoldReleased')
    expect(events.at(-1)?.payload).toMatchObject({ reason: 'not_successful' })
    expect(await shop.ledger.sql`select from open_holds`).toHaveLength(0)
  })

  test('does not come before the upstream breaks off: nothing is charged, and the client reads so', async () => {
    const { service, call } = begin()
    await service.send(tokens(25))
    await call.begun()
    await service.breakOff()
    await call.ended()
    expect(call.body.toString()).toContain('You were not charged.')
    await shop.outcomeOf(call.header('x-request-id'), 'HoldReleased')
  })

  test('has not come when the client leaves: it pays for what it got', async () => {
    const { service, call } = begin()
    await service.send(tokens(15))
    await until(() => call.body.toString().split('data:').length > 15)
    call.socket.destroy()
    const events = await shop.outcomeOf(call.header('x-request-id'), 'HoldSettled')
    expect(events.at(-1)?.credits).toBe(16)
    expect(events.at(-1)?.payload).toMatchObject({ terminatedBy: 'client' })
  })
})
