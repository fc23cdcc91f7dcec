/** Says what a gateway makes of a token: whom it speaks for, or why it is not accepted. */
import type { Config } from '../../config/config.ts'
import type { Environment } from '../../config/environment.ts'
import { openAuth, ownerOf } from '../../http/auth/auth.ts'
import { secretFault } from '../../http/auth/hs256.ts'
import { SigningKeysUnavailable } from '../../http/auth/jwks.ts'
import { signInOptions } from '../../http/auth/sign-in-options.ts'
import { type Finding, ok, problem } from './finding.ts'

export async function checkToken(
  token: string,
  config: Config,
  environment: Environment,
): Promise<Finding> {
  const { jwtSecret, jwtOtherSecret } = environment
  if ([jwtSecret, jwtOtherSecret].some((secret) => secret !== undefined && secretFault(secret))) {
    return problem(
      'token',
      'not verified: no gateway starts with these secrets',
      'Set another one.',
    )
  }
  try {
    const examined = await openAuth(signInOptions(config, environment)).examine(token)
    if ('fault' in examined) {
      const help =
        'Whoever sends it gets 401. Have one issued that is as the gateway expects, or correct its environment.'
      return problem('token', `not accepted: ${examined.fault}`, help)
    }
    const { kind, id } = ownerOf(examined)
    return ok(
      'token',
      `accepted: role ${examined.role}, user ${examined.subject}; its keys are those of the ${kind} ${id}`,
    )
  } catch (error) {
    if (!(error instanceof SigningKeysUnavailable)) throw error
    const help = 'Whoever sends it gets 503 until they can be fetched.'
    return problem('token', 'not verified: there are no signing keys', help)
  }
}
