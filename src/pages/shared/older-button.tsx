import { Failure } from './parts.tsx'
import type { Pages } from './use-pages.ts'

/** Asks for the next page of a list; nothing where there is none. */
export function OlderButton({ more, error }: Pick<Pages<unknown>, 'more' | 'error'>) {
  return (
    <>
      {error && <Failure error={error} />}
      {more && (
        <button type="button" onClick={more}>
          Show older ones
        </button>
      )}
    </>
  )
}
