/**
 * Follows the events of calls: each has the columns of its type, its credits are what it moves, and what is bought is bought by a
 * key, at a tariff and from a lot that stood then. Sound events are added up to groups that cost the same, to be priced.
 */
import type { EventType } from '../../../../events/catalogue.ts'
import {
  drawingTypes,
  frequentTypes,
  holdTypes,
  typesWith,
} from '../../../../events/event-types.ts'
import type { LogEvent } from '../log/log-event.ts'
import type { Finding, Note } from '../log-check.ts'
import { isOfLostGateway, type Shape, shapeOf } from './call-shapes.ts'
import { type EventGroup, EventGroups } from './event-groups.ts'
import { type FollowedKey, type LedgerState, tariffAt } from './ledger-state.ts'
import { checkPayloads, type ReadPayloads, type UnusualEvent } from './payload-fault.ts'
import { type Subject, subjectOf } from './subject.ts'

export interface CallScan {
  /** Follows an event; `state` is as it was before it. */
  follow(event: LogEvent, note: Note): void
  /** The groups of the events since it was last asked, and what is wrong with payloads. */
  take(): { readonly groups: EventGroup[]; readonly findings: Finding[] }
}

export function scanCalls(state: LedgerState): CallScan {
  let groups = new EventGroups()
  let unusual: UnusualEvent[] = []
  let findings: Finding[] = []
  const readBefore: ReadPayloads = new Map()

  const readUnusual = () => {
    findings.push(...checkPayloads(state, unusual, readBefore))
    unusual = []
  }

  return {
    follow(event, note) {
      const rules = rulesOf(event.type)
      if (!rules) return
      const text = event.payloadText
      const subject = subjectOf(state, event)
      const isPlain = isPlainPayload(rules, event, text, subject.key)
      const fault = rules.isShape(event, text)
        ? termsFault(state, subject, rules, event, text, isPlain)
        : 'its columns or its credits are not those of an event of its type'
      const isPriced = rules.charges || (rules.opens && event.slots === null)
      const group =
        isPriced && isPlain && fault === undefined ? groups.priced(event) : groups.other(event.type)
      group.events++
      if (rules.opens && !isPlain && text.includes('"claim"')) group.claims = true
      if (isFollowed(rules, event, text)) group.followed.push(event.requestId ?? '')
      if (fault !== undefined) note(fault)
      else if (!isPlain) {
        unusual.push(unusualOf(event, text))
        if (unusual.length >= maxUnusual) readUnusual()
      }
    },
    take() {
      readUnusual()
      const taken = { groups: groups.all, findings }
      groups = new EventGroups()
      findings = []
      return taken
    },
  }
}

/** Events whose payloads are kept until they are read. */
const maxUnusual = 20_000

function unusualOf(event: LogEvent, payloadText: string): UnusualEvent {
  const { position, type, accountId, tariff, endpoint, quantity, credits } = event
  return {
    ...{ position, type, accountId: accountId ?? '', tariff, endpoint, quantity, credits },
    payloadText,
  }
}

/** What the rules ask about a type of the events of calls. */
interface TypeRules {
  readonly type: string
  readonly opens: boolean
  /** It draws on lots for a hold. */
  readonly draws: boolean
  readonly charges: boolean
  readonly isShape: Shape
}

const rulesByType = new Map(frequentTypes.map((type) => [type as string, readRules(type)]))

function rulesOf(type: string): TypeRules | undefined {
  return rulesByType.get(type)
}

function readRules(type: EventType): TypeRules {
  return {
    type,
    opens: typesWith('hold', 'opens').includes(type),
    draws: drawingTypes.includes(type),
    charges: typesWith('onLease', 'charges').includes(type),
    isShape: shapeOf(type),
  }
}

/**
 * Calls that are followed event by event: more than one lot, more than one hold, or an end that their gateway did not bring.
 */
function isFollowed({ type, charges }: TypeRules, event: LogEvent, text: string): boolean {
  if (!followable.has(type)) return false
  return (
    (event.lots?.length ?? 0) > 1 ||
    alwaysFollowed.has(type) ||
    (type === 'HoldReleased' && event.held !== null && event.quantity !== null) ||
    (charges && isOfLostGateway(text))
  )
}

const followable: ReadonlySet<string> = new Set(holdTypes)
const alwaysFollowed: ReadonlySet<string> = new Set([
  ...typesWith('hold', 'extends'),
  'HoldExpired',
])

const plainHold = /^\{"holdSeconds":\d{1,6},"keyVersion":(\d+)\}$/
const plainChargeOnLease = /^\{"keyVersion":(\d+),"lease":"[^"\\]{36}"\}$/

/** Whether a payload is one of those that nearly all have: that of a hold, of a charge, and of a charge on a lease. */
function isPlainPayload(
  { type }: TypeRules,
  { held }: LogEvent,
  text: string,
  key: FollowedKey | undefined,
): boolean {
  switch (type) {
    case 'CreditsHeld':
      return versionIn(plainHold, text) === key?.version
    case 'HoldSettled':
      return held === null ? versionIn(plainChargeOnLease, text) === key?.version : text === '{}'
    case 'HoldExpired':
      return text === '{}'
    default:
      return false
  }
}

/** Few payloads are told apart by more than the version of a key, and some of a lease. */
const versions = new Map<string, number>()

/** The version of its key that a plain payload names; NaN: it is not plain. */
function versionIn(plain: RegExp, text: string): number {
  let version = versions.get(text)
  if (version === undefined) {
    version = Number(plain.exec(text)?.[1])
    if (versions.size > 10_000) versions.clear()
    versions.set(text, version)
  }
  return version
}

/**
 * What is wrong with an event of the right shape; the first that applies.
 * @param isPlain of a purchase: with the version of its key in it
 */
function termsFault(
  state: LedgerState,
  { key, purse, isOfKey }: Subject,
  rules: TypeRules,
  event: LogEvent,
  text: string,
  isPlain: boolean,
): string | undefined {
  const { type } = rules
  const { recordedAt: time, lots } = event
  if (!key || !isOfKey) {
    return 'its key is not of its account and mode'
  }
  if (
    type !== 'UsageImported' &&
    !event.isOfKey() &&
    !(event.actor === 'gateway' && isEnded.has(type))
  ) {
    return 'it is not its key that calls'
  }
  const isPurchase = rules.draws || (rules.charges && event.held === null)
  if (isPurchase) {
    if (!isPlain && !namesVersion(text, key.version)) return 'its key was of another version'
    const { account } = key
    if (!key.enabled || key.revoked || !account || account.frozen || account.erased) {
      return 'its key or its account could not buy'
    }
    if (key.expiresAt <= time) return 'its key had expired'
    if (type !== 'HoldExtended' && event.tariff !== tariffAt(state, time)?.hash)
      return 'its tariff was not in force'
  }
  const first = lots?.[0]
  if (first !== undefined) {
    const lot = state.lots.get(first)
    if (!lot || lot.purse !== purse) {
      return `lot ${first} is of another account or mode`
    }
    if (isPurchase && (time < lot.startsAt || lot.expiresAt <= time)) {
      return `lot ${first} was not good at that time`
    }
  }
  const fencedAt = state.fenced.size > 0 ? state.fenced.get(event.instance) : undefined
  return fencedAt !== undefined && fencedAt < event.position ? 'its gateway was fenced' : undefined
}

/** What the ledger itself can bring about. */
const isEnded: ReadonlySet<string> = new Set(['HoldExpired', 'HoldSettled'])

/** To search for it costs a fraction of reading JSON. */
function namesVersion(text: string, version: number): boolean {
  const field = '"keyVersion":'
  const digits = String(version)
  for (let i = text.indexOf(field); i >= 0; i = text.indexOf(field, i + 1)) {
    const end = i + field.length + digits.length
    if ((text[end] === ',' || text[end] === '}') && text.startsWith(digits, i + field.length))
      return true
  }
  return false
}
