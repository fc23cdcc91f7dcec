/** Checks how owners and operators sign in. */
import type { Environment } from '../../config/environment.ts'
import { fetchKeySet } from '../../http/auth/fetch-key-set.ts'
import { secretFault } from '../../http/auth/hs256.ts'
import { signInAdvice } from '../../http/auth/sign-in-advice.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

export async function checkSignIn(environment: Environment): Promise<Finding[]> {
  const { jwksUrl, jwtSecret, jwtOtherSecret } = environment
  const { jwtIssuer: issuer, jwtAudience: audience } = environment
  const advice = signInAdvice({ jwksUrl, issuer, audience })
  if (jwksUrl === undefined && jwtSecret === undefined) {
    const help =
      'Set one of them: "tollbook serve" does not start without ("tollbook up" creates a secret).'
    return [warning('sign-in', 'neither JWT_SECRET nor JWKS_URL is set', help)]
  }
  return [
    ...(jwtSecret === undefined ? [] : [checkSecret(jwtSecret, 'JWT_SECRET')]),
    ...(jwtOtherSecret === undefined ? [] : [checkSecret(jwtOtherSecret, 'JWT_OTHER_SECRET')]),
    ...(jwksUrl === undefined ? [] : [await checkKeySet(jwksUrl)]),
    ...(advice === undefined
      ? []
      : [warning('token issuer', advice, 'Set them as the provider does.')]),
  ]
}

function checkSecret(secret: string, variable: string): Finding {
  const fault = secretFault(secret)
  if (fault === undefined) return ok('sign-in', `${variable} is set`)
  const help =
    'A gateway does not start with it: whoever guesses the secret can sign in as an operator.'
  return problem('sign-in', `${variable}: ${fault}`, help)
}

async function checkKeySet(url: string): Promise<Finding> {
  // An address may carry a secret in its path.
  const { origin } = new URL(url)
  try {
    const { size } = await fetchKeySet(url)
    return ok('signing keys', `${origin} publishes ${size} signing key${size === 1 ? '' : 's'}`)
  } catch (error) {
    const { code, message } = error as Error & { code?: unknown }
    const reason = typeof code === 'string' ? code : message.replaceAll(url, origin)
    const help = 'Start it, or correct JWKS_URL; until then nobody can sign in (503).'
    return problem('signing keys', `${origin}: no signing keys (${reason})`, help)
  }
}
