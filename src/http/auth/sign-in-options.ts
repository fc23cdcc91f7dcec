import type { Config } from '../../config/config.ts'
import type { Environment } from '../../config/environment.ts'
import type { AuthOptions } from './auth.ts'

/** How a gateway with this configuration and environment verifies tokens and reads roles. */
export function signInOptions(config: Config, environment: Environment): AuthOptions {
  const { adminRole, auditorRole, supportRole, readerRole, roleClaim, organisationClaim } = config
  const { jwtSecret, jwtOtherSecret, jwksUrl, adminUserIds } = environment
  const { jwtIssuer: issuer, jwtAudience: audience } = environment
  return {
    ...{ jwtSecret, jwtOtherSecret, jwksUrl, issuer, audience, adminUserIds },
    ...{ adminRole, auditorRole, supportRole, readerRole, roleClaim, organisationClaim },
  }
}
