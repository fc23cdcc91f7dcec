/** A request that is refused before its handler runs. Thrown, because a parser has no other way to say it. */
import type { Refusal } from '../gate/refusal.ts'

export class BadRequest extends Error {
  override readonly name = 'BadRequest'
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.detail)
    this.refusal = refusal
  }
}
