/** What codes mean, for people. */

/** Why a call was refused, or not charged. */
export const refusalWords: Readonly<Record<string, string>> = {
  insufficient_credits: 'There were not enough credits.',
  key_cap_reached: 'The monthly cap of the key was reached.',
  rate_limited: 'There was more than the rate limit allows.',
  concurrency_exceeded: 'Too many calls were under way at once.',
  key_disabled: 'The key is disabled.',
  key_expired: 'The key has expired.',
  key_revoked: 'The key is revoked.',
  account_frozen: 'The account is frozen.',
  endpoint_not_allowed: 'The key may not call this route.',
  ip_not_allowed: 'The key may not be used from that address.',
  invalid_request: 'The request was not valid.',
  request_refused: 'The request was not valid.',
  upstream_failed: 'The service behind the route failed.',
  upstream_unreachable: 'The service behind the route could not be reached.',
  upstream_timeout: 'The service behind the route took too long.',
  lease_released: 'What was reserved was not needed.',
}

export const terminationWords: Readonly<Record<string, string>> = {
  client: 'The client left before the response had ended, and pays for what was sent.',
  upstream: 'The service behind the route broke the response off, and what was sent is charged.',
  hold: 'The response was ended, for the credits did not cover more of it.',
  gateway: 'The gateway did not end the call; what it had sent until then is charged.',
}

export const deliveryWords: Readonly<Record<string, string>> = {
  sent: 'Delivered: the response left the gateway.',
  pending: 'The response may still arrive, or its gateway has yet to say that it left.',
  replayed: 'Delivered: the response was given again under its Idempotency-Key.',
  cut: 'Delivered as far as it went.',
  unknown: 'It is not known whether the response arrived: the charge can be refunded.',
}
