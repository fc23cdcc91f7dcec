/**
 * A provider's API that a route stands in for: `provider: openai`. Programs that were written for that API find what they
 * look for, and the route's price is told where things stand in its responses. Each provider is one file of this folder.
 */
export interface Provider {
  /** What a route whose price is per token is taken to say where it says nothing. */
  readonly ofTokenRoutes: {
    readonly settle: { readonly usage?: string; readonly each: readonly string[] }
    /** Its `settle.kinds`, where its rates are by the kind of token, or no total is said. */
    readonly kinds: Readonly<Record<string, unknown>>
    /** How a request asks for a stream; absent where streams have a path of their own. */
    readonly streams?: {
      readonly when: { readonly pointer: string; readonly equals: boolean }
      readonly send?: Readonly<Record<string, unknown>>
    }
  }
  /** Where a usage says the tokens of the response alone. Beside text, 0 of them cannot be meant. */
  readonly responseUsage: string
  /** How much text a response, or an event of a stream, brings: bytes in UTF-8. 0 where it brings none. */
  textBytes(json: unknown): number
  /** Whether a whole response without text sold nothing: it is an error, or it says that there is no text. */
  isEmpty(json: unknown): boolean
  /** What clients of the provider read in a refusal: members that stand in it beside its own. */
  errorMembers(refused: RefusedRequest): Readonly<Record<string, unknown>>
  /** The JSON Schema of these members, by name. */
  readonly errorSchemas: Readonly<Record<string, object>>
  /**
   * What tells them whether to try again.
   * @param retryAfterSeconds how long they are told to wait; undefined where they are not
   */
  retryHeaders(
    isWorthRetrying: boolean,
    retryAfterSeconds: number | undefined,
  ): Readonly<Record<string, string>>
  /** The headers that its clients in browsers send; `x-*` is all that begin so. */
  readonly browserHeaders: readonly string[]
}

/** A refusal, as a provider's clients are told of it. */
export interface RefusedRequest {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly requestId: string
  /** What is wrong with the request: a JSON pointer into its body. */
  readonly pointer?: string | undefined
}
