export type RestoreFault =
  | 'not_a_backup'
  | 'other_format'
  | 'cut_off'
  | 'changed'
  | 'unsigned'
  | 'other_key'
  | 'forged'
  | 'not_empty'
  | 'other_shards'

/** The backup cannot be restored here; nothing was written. */
export class RestoreRefused extends Error {
  override readonly name = 'RestoreRefused'
  readonly fault: RestoreFault

  constructor(fault: RestoreFault, detail: string) {
    super(detail)
    this.fault = fault
  }
}
