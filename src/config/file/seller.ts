/** Who sells, as tollbook.yaml says it. Customers read it on statements, in the portal, and where credits are missing. */
import { type Static, Type } from '@sinclair/typebox'
import { closed, text } from '../../lib/schema-fields.ts'
import type { Logo } from '../logo.ts'

/** Nothing but HTTPS, or this machine: browsers follow it from pages on which somebody is signed in. */
const link = (description: string) =>
  text(
    '^(https://[A-Za-z0-9]|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])(?=[:/?#]|$))[^\\s"\'<>`@\\\\]{0,1000}$',
    'a URL such as https://example.com/credits, without credentials',
    description,
  )

const line = (description: string) => Type.String({ minLength: 1, maxLength: 200, description })

export const SellerInFile = closed(
  {
    name: line('The name of whoever sells.'),
    address: Type.Optional(
      Type.Array(line('A line of it.'), { maxItems: 8, description: 'The lines of the address.' }),
    ),
    colour: Type.Optional(
      text(
        '^#[0-9A-Fa-f]{6}$',
        "a colour such as '#0b5fff'",
        "The colour of a line beside the seller's name.",
      ),
    ),
    logo: Type.Optional(
      text(
        '^[^\\x00]{1,500}\\.(png|svg)$',
        'a PNG or SVG file such as logo.svg',
        "The seller's logo: a file of at most 100 kB, its path from this file's folder.",
      ),
    ),
    links: Type.Optional(
      closed(
        {
          buyMore: Type.Optional(link('Where customers buy credits.')),
          support: Type.Optional(link('Where customers ask for help.')),
        },
        { description: 'Pages of the seller, which customers are led to.' },
      ),
    ),
  },
  { description: 'Who sells: on statements, in the portal, and where credits are missing.' },
)

export type SellerInFile = Static<typeof SellerInFile>

/** The same with the logo itself in the place of its file. */
export type Seller = Omit<SellerInFile, 'logo'> & { readonly logo?: Logo }
