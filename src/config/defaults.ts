/** The values of what tollbook.yaml does not say. */
export const defaults = {
  limits: {
    maxBodyBytes: 1_048_576,
    maxJsonValues: 20_000,
    maxBodySeconds: 60,
    maxTotalBodyBytes: 268_435_456,
    maxBufferedBytes: 65_536,
    maxDeliverySeconds: 3_600,
    upstreamTimeoutMs: 30_000,
    holdSeconds: 900,
    fenceAfterSeconds: 60,
  },
  refunds: { unknownDelivery: 'operator' },
  gateways: 1,
  trustedProxies: 0,
  organisationClaim: 'org_id',
  adminRole: 'admin',
  auditorRole: 'auditor',
  legacyKeys: false,
  keyHeaders: [],
} as const
