/** How clients of each kind of route authenticate, for the API documentation. */

export const securitySchemes = {
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
} as const

/** An API key in either of its headers. */
export const withApiKey = [{ apiKey: [] }, { apiKeyBearer: [] }] as const
export const withSignIn = [{ signIn: [] }] as const
