/** Who sells, as the document says it before anybody is signed in, and the ways to the seller's own pages. */
import type { ComponentChildren } from 'preact'
import { Stored } from './parts.tsx'

interface Seller {
  readonly name: string
  readonly colour?: string
  /** Where it is served. */
  readonly logo?: string
  /** HTTPS, as the configuration is checked for. */
  readonly links?: { readonly buyMore?: string; readonly support?: string }
}

/** null: the configuration does not say. */
export function readSeller(): Seller | null {
  const written = document.querySelector<HTMLMetaElement>('meta[name=tollbook-seller]')?.content
  return JSON.parse(written || 'null')
}

export function SellerName({ seller }: { seller: Seller }) {
  const { name, colour, logo, links = {} } = seller
  return (
    // The policy lets no style stand in the document, but a program may set one.
    <div
      class="seller"
      ref={(place) => {
        if (colour !== undefined) place?.style.setProperty('--seller', colour)
      }}
    >
      {/* The name stands beside it. */}
      {logo !== undefined && <img src={logo} alt="" />}
      <strong>
        <Stored text={name} />
      </strong>
      {links.buyMore !== undefined && <LinkOut to={links.buyMore}>Buy more</LinkOut>}
      {links.support !== undefined && <LinkOut to={links.support}>Support</LinkOut>}
    </div>
  )
}

/** A link that leaves these pages, which go on in their tab. */
export function LinkOut({ to, children }: { to: string; children: ComponentChildren }) {
  return (
    <a href={to} target="_blank" rel="noopener noreferrer">
      {children}
      <span class="unseen">, in a new tab</span>
    </a>
  )
}
