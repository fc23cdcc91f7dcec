/** The headers that tell an upstream who calls, from what its service says of them. */
import type { Identity } from './file/service.ts'
import { type IdentityField, type IdentityHeaders, identityPresets } from './header-names.ts'

export function identityHeaders(identity: Identity = 'default'): IdentityHeaders {
  if (typeof identity === 'string') return identityPresets[identity]
  return Object.entries(identity).map(([field, name]) => [name, field as IdentityField] as const)
}
