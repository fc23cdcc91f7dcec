import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { type CreditScale, creditsText } from '../../lib/credit-scale.ts'
import type { Api, Session } from '../shared/api.ts'

/** What every page of the portal has. */
export interface Portal {
  readonly api: Api
  readonly session: Session
  /** How credits are shown; undefined: as they are. */
  readonly scale: CreditScale | undefined
  /** Shows another page of the portal. */
  go(path: string): void
}

export const PortalContext = createContext<Portal | undefined>(undefined)

export function usePortal(): Portal & { readonly credits: (sum: number | string) => string } {
  const portal = useContext(PortalContext)
  if (!portal) throw new Error('a page stands outside of the portal')
  return { ...portal, credits: (sum) => creditsText(sum, portal.scale) }
}
