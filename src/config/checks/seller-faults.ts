/** Whether who sells can be shown: on pages, in a terminal, and as links. */
import type { Fault } from '../../lib/fault.ts'
import { printableFault } from '../../lib/printable-text.ts'
import type { SellerInFile } from '../file/seller.ts'

export function sellerFaults({ name, address = [], links = {} }: SellerInFile): Fault[] {
  const texts: [(string | number)[], string][] = [
    [['name'], name],
    ...address.map((line, i): [(string | number)[], string] => [['address', i], line]),
  ]
  return [
    ...texts.flatMap(([path, text]) => {
      const message = text.trim() === '' ? 'it is blank' : printableFault(text)
      return message === undefined ? [] : [{ path, message }]
    }),
    ...Object.entries(links).flatMap(([name, url]) =>
      URL.canParse(url) ? [] : [{ path: ['links', name], message: 'it is no URL' }],
    ),
  ]
}
