/** The parts of an OpenAPI 3.1 document that Tollbook writes. Its schemas are JSON Schema 2020-12, as the configuration's. */

export interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly tags: readonly string[]
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: RequestBody
  readonly responses: Responses
  readonly 'x-price'?: unknown
}

export interface RequestBody {
  readonly required: boolean
  readonly description?: string
  readonly content: Content
}

export interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly description?: string
  readonly schema: unknown
  readonly example?: unknown
}

/** By path, then by method in lower case. */
export type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>

/** By status. */
export type Responses = Readonly<Record<string, ResponseObject>>

export interface ResponseObject {
  readonly description: string
  readonly headers?: Readonly<Record<string, Reference | Header>>
  readonly content?: Content
}

interface Header {
  readonly description: string
  readonly schema: unknown
}

/** By media type. */
export type Content = Readonly<
  Record<
    string,
    {
      readonly schema?: unknown
      readonly example?: unknown
      readonly examples?: Readonly<Record<string, unknown>>
      readonly encoding?: unknown
    }
  >
>

export interface Reference {
  readonly $ref: string
}
