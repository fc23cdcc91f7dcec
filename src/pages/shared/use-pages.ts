import { useState } from 'preact/hooks'
import type { ApiError } from './api.ts'
import { asApiError, type Data, useData } from './use-data.ts'

interface Page {
  readonly nextCursor: string | null
}

export interface Pages<P> {
  readonly first: Data<P>
  /** Those that were asked for after the first. */
  readonly later: readonly P[]
  /** Asks for another one; absent: there is none, or not yet a first. */
  readonly more: (() => Promise<void>) | undefined
  readonly error: ApiError | undefined
}

/** A list page by page. @param ask with a cursor, or without one for the first */
export function usePages<P extends Page>(
  ask: (cursor: string | undefined) => Promise<P>,
  inputs: readonly unknown[],
): Pages<P> {
  const name = JSON.stringify(inputs.filter((input) => typeof input !== 'object'))
  const first = useData(() => ask(undefined), inputs)
  // What was asked for with other inputs is of no use.
  const [found, setFound] = useState<{ name: string; of: P | undefined; later: P[] }>()
  const [error, setError] = useState<ApiError>()
  const later = found?.name === name && found.of === first.value ? found.later : []
  const next = (later.at(-1) ?? first.value)?.nextCursor
  const more = async () => {
    try {
      const page = await ask(next ?? undefined)
      setFound({ name, of: first.value, later: [...later, page] })
      setError(undefined)
    } catch (failure) {
      setError(asApiError(failure))
    }
  }
  return { first, later, more: next ? more : undefined, error }
}
