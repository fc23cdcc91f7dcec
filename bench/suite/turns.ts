/** Contenders take turns: in every round each of them is measured once under every circumstance. */
import type { Figures, Sample } from './samples.ts'

export interface Contender {
  readonly name: string
  /** One measurement. @throws when the responses are not what they should be */
  measure(): Promise<Figures>
}

export interface Row {
  readonly name: string
  readonly contenders: readonly Contender[]
}

/** Measures them all; a measurement that fails is an error of its own and does not end the others. */
export async function takeTurns(
  family: string,
  rounds: number,
  rows: readonly Row[],
  record: (sample: Sample) => void,
): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    await takeRound(family, { round, rounds }, rows, record)
  }
}

/** One of these rounds, for contenders that are others in the next. */
export async function takeRound(
  family: string,
  { round, rounds }: { readonly round: number; readonly rounds: number },
  rows: readonly Row[],
  record: (sample: Sample) => void,
): Promise<void> {
  for (const { name: row, contenders } of rows) {
    for (const { name: contender, measure } of contenders) {
      console.error(`${family}, round ${round} of ${rounds}: ${row}, ${contender}…`)
      const sample = { family, row, contender, round }
      try {
        record({ ...sample, figures: await measure() })
      } catch (error) {
        const said = error instanceof Error ? error.message : String(error)
        console.error(`  ${said}`)
        record({ ...sample, figures: {}, error: said })
      }
    }
  }
}
