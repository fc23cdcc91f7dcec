/** Refuses a file that shows credits in another way than the tariffs of the ledger: every figure would mean something else. */
import type { Tariff } from '../config/tariff.ts'
import type { Sql } from '../ledger/connect.ts'
import { readCreditScale } from '../ledger/read/read-tariffs.ts'
import { isSameScale, scaleText } from '../lib/credit-scale.ts'
import { UsageError } from './usage-error.ts'

type Scaled = Pick<Tariff, 'credits'>

/** @throws UsageError where the ledger has a scale, and the tariff has another one or none */
export async function requireSameScale(sql: Sql, tariff: Scaled, file: string): Promise<void> {
  const published = await readCreditScale(sql)
  if (published === undefined || isSameScale(published, tariff.credits)) return
  throw otherScaleError(scaleText(published), tariff, file)
}

/** @param published the scale of the ledger's tariffs, in words */
export function otherScaleError(published: string, { credits }: Scaled, file: string): UsageError {
  return new UsageError(
    `credits are published as ${published}, which never changes, and ${file} says ${scaleText(credits)}.`,
  )
}
