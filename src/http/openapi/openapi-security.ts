/** How clients of each kind of route authenticate, for the API documentation. */
import { portal } from '../auth/sites.ts'

const securitySchemes = {
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
    description: 'An API key, as `POST /api-keys` gave it.',
  },
  apiKeyBearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'API key',
    description: 'The same API key as `Authorization: Bearer <key>`.',
  },
  signIn: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description:
      'A JSON Web Token: HS256 with the shared secret (`tollbook token` signs one), or one of your identity provider.',
  },
  operatorKey: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'operator key',
    description: 'An operator key, as `POST /admin/operator-keys` gave it.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: portal.cookieName,
    description:
      'The session of a browser that is signed in at `/portal`. It counts only for requests of pages of the same origin, and changes need its `X-CSRF-Token`.',
  },
} as const

/** What an operation is called with: one of these, each by its name in the schemes. */
export type Security = readonly Readonly<Record<string, readonly string[]>>[]

/** @param keyHeaders the headers of the configuration in which clients may show their key, too */
export function allSecuritySchemes(keyHeaders: readonly string[]) {
  const more = keyHeaders.map((name) => [
    `apiKey.${name}`,
    { ...securitySchemes.apiKey, name, description: 'The same API key in this header.' },
  ])
  return { ...securitySchemes, ...Object.fromEntries(more) }
}

/** An API key in any of its headers. */
export function withApiKey(keyHeaders: readonly string[]): Security {
  const more = keyHeaders.map((name) => ({ [`apiKey.${name}`]: [] }))
  return [{ apiKey: [] }, { apiKeyBearer: [] }, ...more]
}

export const withSignIn: Security = [{ signIn: [] }]
/** What operators do, programs may do with an operator key. */
export const withOperatorKey: Security = [{ operatorKey: [] }]
/** Owners also by the session of a browser. */
export const withSession: Security = [{ session: [] }]
