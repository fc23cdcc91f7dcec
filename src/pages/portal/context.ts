import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { type CreditScale, creditsText, formatCredits } from '../../lib/credit-scale.ts'
import type { Api, Session } from '../shared/api.ts'

/** What every page of the portal has. */
interface Portal {
  readonly api: Api
  readonly session: Session
  /** How credits are shown; undefined: as they are. */
  readonly scale: CreditScale | undefined
  /** Shows another page of the portal. */
  go(path: string): void
}

export const PortalContext = createContext<Portal | undefined>(undefined)

interface Figures {
  /** `3 credits`, or as the scale says. */
  readonly credits: (sum: number | string) => string
  /** The same without a word, where there is no scale. */
  readonly figure: (sum: number | string) => string
}

export function usePortal(): Portal & Figures {
  const portal = useContext(PortalContext)
  if (!portal) throw new Error('a page stands outside of the portal')
  return {
    ...portal,
    credits: (sum) => creditsText(sum, portal.scale),
    figure: (sum) => formatCredits(sum, portal.scale),
  }
}
