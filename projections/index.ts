/** All projections, in the order in which the inline ones are applied. */
import { accountHourlyUsage } from './account-hourly-usage.ts'
import { accountState } from './account-state.ts'
import { balances } from './balances.ts'
import { budgets } from './budgets.ts'
import { claims } from './claims.ts'
import { dailyLots } from './daily-lots.ts'
import { dailyRefusals } from './daily-refusals.ts'
import { dailyUsage } from './daily-usage.ts'
import { hourlyUsage } from './hourly-usage.ts'
import { keyCaps } from './key-caps.ts'
import { keyState } from './key-state.ts'
import { monthlyBalances } from './monthly-balances.ts'
import { monthlyVolumes } from './monthly-volumes.ts'
import { operatorKeys } from './operator-keys.ts'
import type { Projection } from './projection.ts'
import { tariffs } from './tariffs.ts'

export const projections: readonly Projection[] = [
  tariffs,
  accountState,
  keyState,
  operatorKeys,
  balances,
  claims,
  keyCaps,
  budgets,
  monthlyVolumes,
  monthlyBalances,
  dailyUsage,
  dailyRefusals,
  hourlyUsage,
  accountHourlyUsage,
  dailyLots,
]
