/** What contenders are called in every family's samples, since families are compared by them. */
export const names = {
  upstream: 'upstream alone',
  nginx: 'nginx with `limit_req`',
  streamed: 'bare Bun proxy, streamed',
  bare: 'bare Bun proxy, buffered',
  manyKeys: 'Tollbook, many keys',
  oneKey: 'Tollbook, one hot key',
  smallPlans: 'Tollbook, many keys on small plans',
  commit: 'one commit of PostgreSQL',
} as const
