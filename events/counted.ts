/** What a call counts under its price, before it at most or after it: all of the call that its price depends on. */
export interface Counted {
  /**
   * What a price of one component counts. A price of several counts its calls here, or what grows with the response where
   * something does.
   */
  readonly quantity: number
  /** Of a price of several components: what each of them counts, by its name. */
  readonly parts?: Parts
  /** Of a price with rates by a value: the name in its table that the value found, never the client's text. */
  readonly by?: string
  /** Of a price with tiers: how much of what has them the account had counted in the month before. */
  readonly volume?: number
}

export type Parts = Readonly<Record<string, number>>

/** The fields that say what was counted, without what stands beside them. */
export function countedOf({ quantity, parts, by, volume }: Counted): Counted {
  return {
    quantity,
    ...(parts && { parts }),
    ...(by !== undefined && { by }),
    ...(volume !== undefined && { volume }),
  }
}
