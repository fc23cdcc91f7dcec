/** A connection that became a WebSocket could not be metered, so none does. Other upgrades are offers, and not taken up. */
import type { Refusal } from '../../problems/refusal.ts'

export function refuseUpgrade({ method, headers }: Request): Refusal | undefined {
  if (method !== 'GET') return undefined
  const upgrade = headers.get('upgrade')
  return upgrade !== null && /(^|,)\s*websocket\s*(,|$)/i.test(upgrade) ? noWebSockets : undefined
}

const noWebSockets: Refusal = {
  code: 'invalid_request',
  detail: 'This gateway has no WebSockets: send the request without Upgrade.',
  extensions: { errors: [{ pointer: '', detail: 'Upgrade: this gateway has no WebSockets' }] },
}
