/** What a route takes as its body, as far as a price can count it. */

type Schema = Readonly<Record<string, unknown>>

export type RouteBody =
  /** JSON that fits the schema. */
  | { readonly json: Schema }
  /** A form (application/x-www-form-urlencoded) whose fields, as an object, fit the schema. */
  | { readonly form: Schema }
  | { readonly multipart: MultipartForm }
  /** Bytes of one of these media types; `image/*` stands for all of its kind. */
  | { readonly raw: readonly string[] }
  /** Bytes of any type. */
  | { readonly any: true }

/** A form with files (multipart/form-data). */
export interface MultipartForm {
  /** By the name of their field. */
  readonly files: Readonly<Record<string, FormFile>>
  /** The schema of the other fields, as an object. */
  readonly fields: Schema
  /** Of the whole form, files and all. */
  readonly maxBytes: number
}

export interface FormFile {
  /** Media types; `audio/*` stands for all of its kind. */
  readonly types: readonly string[]
  readonly maxBytes: number
  /** The form may lack the file. */
  readonly optional: boolean
}

/** The schema of what a price can point into: JSON, or the fields of a form. `name` is where it stands in the route. */
export function pointedSchema(
  request: RouteBody | undefined,
): { readonly schema: Schema; readonly name: string } | undefined {
  if (request === undefined) return undefined
  if ('json' in request) return { schema: request.json, name: 'request.json' }
  if ('form' in request) return { schema: request.form, name: 'request.form' }
  if ('multipart' in request) {
    return { schema: request.multipart.fields, name: 'request.multipart.fields' }
  }
  return undefined
}
