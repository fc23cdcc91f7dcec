/** A price in plain words. */

import { credits, number } from '../cli/output.ts'
import type { PriceRule } from '../config/config.ts'

export function describePrice(rule: PriceRule): string {
  switch (rule.per) {
    case 'free':
      return 'free'
    case 'request':
      return `${credits(rule.credits)} a call`
    case 'item':
      return `${credits(rule.credits)} for each of ${rule.settle?.list ?? rule.hold.list}`
    case 'character':
      return `${credits(rule.credits)} for each started ${number(rule.unit)} characters`
    case 'second':
      return `${credits(rule.credits)} for each started ${number(rule.unit)} s`
    case 'token':
      return `${credits(rule.credits)} for each started ${number(rule.unit)} tokens`
    case 'byte':
      return `${credits(rule.credits)} for each started ${number(rule.unit)} bytes`
    default:
      return rule satisfies never
  }
}
