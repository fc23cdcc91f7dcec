/**
 * What an event says and nothing else in the database does: no rule can tell whether it was changed, together with the event's hash.
 * Each change that goes unseen for that reason is tried by test/mutations.
 */
export const onlySaidByEvents = {
  gateway: 'which gateway wrote it, and as whom that was logged in',
  actor: 'who gave a management command',
  private: 'private texts, which are sealed',
  response: 'status and time of the response of an upstream',
  holdSeconds: 'for how long a hold was taken',
  shortfall: 'what a call used beyond its hold, which is not charged',
  delivery: 'how far a response came, and who ended it',
  releaseReason: 'why a call was not charged',
  uncharged: 'route, tariff and quantity of a call on a lease that was not charged',
  callOnLease: 'the id of a call on a lease',
  idempotencyKey: 'the hash of an Idempotency-Key and of its request',
  counted: 'how many calls of price 0 there were, and how many were refused',
  imported: 'usage that another service had counted',
  ownerReason: 'why an owner accepted a loss, or confirmed the clock',
  lastTime: 'when the last event was recorded',
} as const

export type OnlySaidByEvents = keyof typeof onlySaidByEvents
