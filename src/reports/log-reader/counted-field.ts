/**
 * What a settlement counted. One that an expiry wrote says its quantity alone, for nobody was left to say more: the rest is as
 * its hold has it, and does not grow.
 */
import { isOpening } from '../../../events/openings.ts'

/** A field of the payload of the settlement `e`, or of its hold's where a gateway did not settle it; SQL. */
export function countedField(field: 'parts' | 'by' | 'plan'): string {
  return `case when e.payload ->> 'terminatedBy' is distinct from 'gateway' then e.payload -> '${field}'
    else (select h.payload -> '${field}' from events h
      where h.request_id = e.request_id and h.shard = e.shard and ${isOpening}) end`
}
