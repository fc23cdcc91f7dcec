/**
 * What the suite measures, and how two of its figures are compared: every measurement is a sample, and all
 * that is printed is computed from samples. A ratio is the median of the rounds' own ratios, so that a
 * machine that slows down in the middle of a run slows both sides of each of them.
 */

/** Figures by name: `callsPerSecond`, `p50Ms`, `ownUs` (per call), `rssMb`, … */
export type Figures = Readonly<Record<string, number>>

export interface Sample {
  /** What was measured combine, its contenders taking turns. */
  readonly family: string
  /** The circumstances: `128 connections`. */
  readonly row: string
  readonly contender: string
  /** From 1. */
  readonly round: number
  readonly figures: Figures
  /** Why this is no figure: the responses were not what they should have been. */
  readonly error?: string
}

/** Names the samples of all rounds of one contender. */
export interface Which {
  readonly family: string
  readonly row: string
  readonly contender: string
}

export function of(samples: readonly Sample[], { family, row, contender }: Which): Sample[] {
  return samples.filter(
    (each) => each.family === family && each.row === row && each.contender === contender,
  )
}

/** One figure of every round; empty when a round failed, or did not know it. */
export function figuresOf(samples: readonly Sample[], which: Which, figure: string): number[] {
  const all = of(samples, which)
  const known = all.flatMap(({ error, figures }) =>
    error === undefined && figures[figure] !== undefined ? [figures[figure]] : [],
  )
  return known.length === all.length ? known : []
}

/** Two figures of every round put combine; empty when either is missing in one of them. */
export function perRound(
  samples: readonly Sample[],
  one: { readonly which: Which; readonly figure: string },
  other: { readonly which: Which; readonly figure: string },
  combine: (one: number, other: number) => number,
): number[] {
  const ones = figuresOf(samples, one.which, one.figure)
  const others = figuresOf(samples, other.which, other.figure)
  if (ones.length !== others.length) return []
  return ones.map((figure, round) => combine(figure, others[round] as number))
}
