import { useCallback, useEffect, useState } from 'preact/hooks'
import { ApiError } from './api.ts'

/** What was asked for, as far as it is there: after a failure, what was there before stays, with its time. */
export interface Data<T> {
  readonly value: T | undefined
  readonly error: ApiError | undefined
  /** When the value came. */
  readonly at: Date | undefined
  reload(): void
}

/** Asks once, and again whenever one of the inputs changes. What comes for earlier inputs is dropped. */
export function useData<T>(ask: () => Promise<T>, inputs: readonly unknown[]): Data<T> {
  const [state, setState] = useState<Omit<Data<T>, 'reload'>>({
    ...{ value: undefined, error: undefined, at: undefined },
  })
  const [round, setRound] = useState(0)
  // The inputs say when to ask again, and `ask` is made of them.
  useEffect(() => {
    let isWanted = true
    ask().then(
      (value) => isWanted && setState({ value, error: undefined, at: new Date() }),
      (error) => isWanted && setState((before) => ({ ...before, error: asApiError(error) })),
    )
    return () => {
      isWanted = false
    }
  }, [...inputs, round])
  const reload = useCallback(() => setRound((before) => before + 1), [])
  return { ...state, reload }
}

/** What is no refusal is a fault of the page itself, which says so. */
export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, String(error))
}
