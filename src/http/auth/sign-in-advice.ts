import type { AuthOptions } from './auth.ts'

/**
 * What is doubtful about how tokens are verified. A provider signs tokens for all its services and perhaps for other
 * tenants; only issuer and audience tell which are meant for this one.
 */
export function signInAdvice(options: Pick<AuthOptions, 'jwksUrl' | 'issuer' | 'audience'>) {
  const { jwksUrl, issuer, audience } = options
  if (jwksUrl === undefined) return undefined
  const missing = [
    ...(issuer === undefined ? ['JWT_ISSUER'] : []),
    ...(audience === undefined ? ['JWT_AUDIENCE'] : []),
  ]
  if (missing.length === 0) return undefined
  return `JWKS_URL is set without ${missing.join(' and ')}: a token that the provider signed for another service is accepted, too`
}
