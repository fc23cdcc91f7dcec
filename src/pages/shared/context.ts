import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { type CreditScale, creditsText, formatCredits } from '../../lib/credit-scale.ts'
import type { Api, Session } from './api.ts'

/** What every page has. */
interface Surroundings {
  readonly api: Api
  readonly session: Session
  /** How credits are shown; undefined: as they are. */
  readonly scale: CreditScale | undefined
  /** Shows another page of the same site. */
  go(path: string): void
}

export const PageContext = createContext<Surroundings | undefined>(undefined)

interface Figures {
  /** `3 credits`, or as the scale says. */
  readonly credits: (sum: number | string) => string
  /** The same without a word, where there is no scale. */
  readonly figure: (sum: number | string) => string
}

export function usePage(): Surroundings & Figures {
  const page = useContext(PageContext)
  if (!page) throw new Error('a page stands outside of its site')
  return {
    ...page,
    credits: (sum) => creditsText(sum, page.scale),
    figure: (sum) => formatCredits(sum, page.scale),
  }
}
