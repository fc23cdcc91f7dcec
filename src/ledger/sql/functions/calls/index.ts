/** What the plane of calls reads and does of its own, by functions alone: it reads no table. */
import {
  decidingTypes,
  frequentTypes,
  holdTypes,
  typesWith,
} from '../../../../../events/event-types.ts'
import { isOpening, isOpeningOrNot } from '../../../../../events/openings.ts'
import { typeIn, typeNotIn } from '../../../../../events/type-condition.ts'
import { fillIn } from '../../fill-in.ts'
import balanceOf from './balance_of.sql' with { type: 'text' }
import changesV1 from './changes_v1.sql' with { type: 'text' }
import chargeEvents from './charge_events.sql' with { type: 'text' }
import chargesOf from './charges_of.sql' with { type: 'text' }
import currentTariffsV1 from './current_tariffs_v1.sql' with { type: 'text' }
import findClaimV1 from './find_claim_v1.sql' with { type: 'text' }
import findKeyV1 from './find_key_v1.sql' with { type: 'text' }
import findTariffV1 from './find_tariff_v1.sql' with { type: 'text' }
import headsV1 from './heads_v1.sql' with { type: 'text' }
import keyOf from './key_of.sql' with { type: 'text' }
import ledgerIdV1 from './ledger_id_v1.sql' with { type: 'text' }
import ledgerStateV1 from './ledger_state_v1.sql' with { type: 'text' }
import overdueHoldsV1 from './overdue_holds_v1.sql' with { type: 'text' }
import ownBalanceV1 from './own_balance_v1.sql' with { type: 'text' }
import ownBudgetsV1 from './own_budgets_v1.sql' with { type: 'text' }
import ownChargeV1 from './own_charge_v1.sql' with { type: 'text' }
import ownChargesV1 from './own_charges_v1.sql' with { type: 'text' }
import planCountsV1 from './plan_counts_v1.sql' with { type: 'text' }
import projectionLagsV1 from './projection_lags_v1.sql' with { type: 'text' }
import refundUndeliveredV1 from './refund_undelivered_v1.sql' with { type: 'text' }
import revokeV1 from './revoke_v1.sql' with { type: 'text' }
import schemaStateV1 from './schema_state_v1.sql' with { type: 'text' }
import shardTariffsV1 from './shard_tariffs_v1.sql' with { type: 'text' }
import unknownTimeZonesV1 from './unknown_time_zones_v1.sql' with { type: 'text' }

const chargeTypes = [...holdTypes, ...typesWith('moves', 'refunded')]

export const functionsOfCalls: readonly string[] = [
  keyOf,
  findKeyV1,
  findTariffV1,
  currentTariffsV1,
  shardTariffsV1,
  headsV1,
  ledgerIdV1,
  fillIn(changesV1, {
    is_rare: typeNotIn(frequentTypes, 'e.type'),
    decides: typeIn(decidingTypes, 'e.type'),
  }),
  overdueHoldsV1,
  findClaimV1,
  balanceOf,
  ownBalanceV1,
  ownBudgetsV1,
  fillIn(chargeEvents, {
    is_of_a_charge: typeIn(chargeTypes, 'e.type'),
    is_opening_or_not: isOpeningOrNot,
  }),
  ownChargeV1,
  fillIn(chargesOf, { is_opening: isOpening }),
  ownChargesV1,
  revokeV1,
  fillIn(refundUndeliveredV1, { is_opening_or_not: isOpeningOrNot }),
  schemaStateV1,
  ledgerStateV1,
  projectionLagsV1,
  planCountsV1,
  unknownTimeZonesV1,
]
