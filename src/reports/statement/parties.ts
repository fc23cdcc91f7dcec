/** Who a statement is from and to. */
import type { AccountProfile } from '../../../events/account.ts'
import type { Parties } from './statement-shape.ts'

/** @param buyer undefined: nobody says who it is */
export function partiesOf(
  seller: { readonly name: string; readonly address?: readonly string[] } | undefined,
  buyer: AccountProfile | undefined,
): Parties {
  const { name, contact, taxId, billingAddress } = buyer ?? { billingAddress: [] }
  const isKnown = [name, contact, taxId, ...billingAddress].some((text) => text != null)
  return {
    ...(seller && { seller: { name: seller.name, address: seller.address ?? [] } }),
    ...(buyer && isKnown && { buyer }),
  }
}

/** The lines of each party under its title, as they are printed. */
export function partyLines({ seller, buyer }: Parties): (readonly [string, readonly string[]])[] {
  return [
    ...(seller ? [['Seller', [seller.name, ...seller.address]] as const] : []),
    ...(buyer ? [['Customer', linesOf(buyer)] as const] : []),
  ]
}

function linesOf({ name, contact, billingAddress, taxId }: AccountProfile): string[] {
  const lines = [name, ...billingAddress, contact, taxId === null ? null : `Tax id ${taxId}`]
  return lines.filter((line) => line !== null)
}
