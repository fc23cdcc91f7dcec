/** The slots of a Redis Cluster: every key is in one of them, and every slot on one master. */
import slotOf from 'cluster-key-slot'

export { slotOf }

export const slotCount = 16_384

/** A hash tag of which the keys are in this slot. */
export function tagInSlot(slot: number): string {
  for (let number = 0; ; number++) {
    const tag = `{${number.toString(36)}}`
    if (slotOf(tag) === slot) return tag
  }
}
