/** Bugs to be planted, one at a time: each must be caught, by the invariant that it breaks. */

import type { AppendPart } from '../../src/ledger/sql/append/join-append.ts'
import type { Edit } from './edits.ts'
import type { Invariant } from './records.ts'

export interface Bug {
  readonly name: string
  /** What is wrong with it, in a sentence for the table. */
  readonly says: string
  /** The invariant that must find it. */
  readonly breaks: Invariant
  /** Under which fault. */
  readonly fault: string
  /** After so many the records are compared; planted again until it is caught. */
  readonly runs: number
  /** In the gateways' source, and in the parts of append_v1. */
  readonly source?: readonly Edit[]
  readonly sql?: readonly Edit[]
}

const appendPart = (name: AppendPart) => `src/ledger/sql/append/${name}.sql`

export const bugs: readonly Bug[] = [
  {
    name: 'response-before-commit',
    says: 'the response is sent while its charge is on the way',
    breaks: 'I1',
    fault: 'kill-gateway/before-settle',
    runs: 2,
    source: [
      {
        file: 'src/proxy/delivery/deliver-buffered.ts',
        from: 'charged = await chargeCall(priced, usage)',
        to: 'chargeCall(priced, usage).catch(() => {}); charged = priced.reservation.terms.result',
      },
      {
        file: 'src/proxy/proxy.ts',
        from: 'letLeave: (charge) => !isCuttingOff && deps.letLeave(charge),',
        to: 'letLeave: () => true,',
      },
    ],
  },
  {
    name: 'no-hold',
    says: 'the call is forwarded without a hold',
    breaks: 'I2',
    fault: 'calm',
    runs: 1,
    source: [
      {
        file: 'src/gate/reservation/take-dedicated-hold.ts',
        from: 'const result = await (append ?? deps.appenderOf(key.shard).append)(command)',
        to: `const result = await (async (_: object) => ({ verdict: 'ok' as Verdict, shard: 0,
          position: 0, available: 0, recordedAt: new Date() }))(command)`,
      },
    ],
  },
  {
    name: 'settle-twice',
    says: 'a gateway settles twice, and the ledger looks at open holds once a batch only',
    breaks: 'I1',
    fault: 'calm',
    runs: 2,
    source: [
      {
        file: 'src/gate/reservation/dedicated-hold.ts',
        from: "const result = await this.appender.append({ kind: 'settle', ...ref, ...usage })",
        to: `const command = { kind: 'settle', ...ref, ...usage } as const
          const [result] = await Promise.all([this.appender.append(command), this.appender.append(command)])`,
      },
    ],
    sql: [
      {
        file: appendPart('begin_command'),
        from: 'v_updated_index := array_position(v_updated_holds, command.hold_id);',
        to: 'v_updated_index := null;',
      },
    ],
  },
  {
    name: 'late-response',
    says: 'a response leaves however long ago its charge was sent',
    breaks: 'I13',
    fault: 'gateway/fenced',
    runs: 1,
    source: [
      {
        file: 'src/ledger/append/deliveries.ts',
        from: 'export const leavesWithinMs = 5_000',
        to: 'export const leavesWithinMs = 600_000',
      },
      {
        file: 'src/server/compose-ledger.ts',
        from: 'export const ledgerTimeoutMs = 5_000',
        to: 'export const ledgerTimeoutMs = 600_000',
      },
    ],
  },
  {
    name: 'sent-and-withheld',
    says: 'what has left is reported as withheld',
    breaks: 'I13',
    fault: 'gateway/stopped-briefly',
    runs: 2,
    source: [
      {
        file: 'src/ledger/append/deliveries.ts',
        from: 'return this.open.delete(position)',
        to: 'return this.withhold(position), true',
      },
    ],
  },
  {
    name: 'netted-sums',
    says: 'the ledger decides a batch by its sums, not command by command in order',
    breaks: 'I3',
    fault: 'race/low-credit',
    runs: 2,
    sql: [
      {
        file: appendPart('check_credits'),
        from: "if v_verdict = 'ok' and in_credits[command.nth] > v_drawable then",
        to: `if v_verdict = 'ok' and in_credits[command.nth] > v_drawable + (
          select coalesce(sum(o.credits), 0) from open_holds o
          where o.hold_id = any(in_request_id) and o.account_id = command.account_id and o.mode = command.mode) then`,
      },
      {
        file: appendPart('draw_on_lots'),
        from: 'v_taken := least(account.lot_free[v_index], v_left);',
        to: 'v_taken := case when in_credits[command.nth] > account.available then v_left else least(account.lot_free[v_index], v_left) end;',
      },
    ],
  },
  {
    name: 'period-at-settle',
    says: 'a charge counts when it is settled, not when it was held',
    breaks: 'I3',
    fault: 'calm',
    runs: 1,
    sql: [
      {
        file: appendPart('note_resolution'),
        from: 'v_event_times[command.nth] := command.held_at;',
        to: 'v_event_times[command.nth] := v_now;',
      },
    ],
  },
  {
    name: 'rate-limit-per-process',
    says: 'each gateway counts calls by itself',
    breaks: 'I6',
    fault: 'calm',
    runs: 4,
    source: [
      {
        file: 'src/gate/rate-limit/open-rate-limiter.ts',
        from: 'return openRedisLimiter({ ...options, address: parseRedisUrl(redisUrl) })',
        to: 'return openInProcessLimiter()',
      },
    ],
  },
  {
    name: 'stale-refusal',
    says: 'a key is refused from the cache, however old',
    breaks: 'I7',
    fault: 'keys/change',
    runs: 1,
    source: [
      {
        file: 'src/gate/authorize/authorize.ts',
        from: 'if (found.refusal && performance.now() - found.cached.loadedAtMs > maxStalenessMs) {',
        to: 'if (found.refusal && false) {',
      },
    ],
  },
  {
    name: 'deaf-to-idempotency-keys',
    says: 'a call’s Idempotency-Key is not looked at',
    breaks: 'I9',
    fault: 'race/idempotency-key',
    runs: 1,
    source: [
      {
        file: 'src/proxy/request/idempotency-claim.ts',
        from: 'if (name === null) return undefined',
        to: 'return undefined',
      },
    ],
  },
  {
    name: 'lease-unasked',
    says: 'a call that ran on a lease is sold without asking whether its key may still buy',
    breaks: 'I3',
    fault: 'lease/key-revoked',
    runs: 1,
    sql: [
      {
        file: appendPart('check_key'),
        from: 'when command.key_version_now is distinct',
        to: "when command.kind = 'charge_on_lease' then 'ok' when command.key_version_now is distinct",
      },
    ],
  },
  {
    name: 'lease-unmeasured',
    says: 'a call that ran on a lease is sold without asking what is free',
    breaks: 'I3',
    fault: 'lease/credits-gone',
    runs: 1,
    sql: [
      {
        file: appendPart('check_credits'),
        from: "if v_verdict = 'ok' and in_credits[command.nth] > v_drawable then",
        to: "if v_verdict = 'ok' and in_credits[command.nth] > v_drawable and command.kind <> 'charge_on_lease' then",
      },
    ],
  },
  {
    name: 'lease-without-hold',
    says: 'a call that ran on a lease is sold when that is gone',
    breaks: 'I3',
    fault: 'lease/hold-expired',
    runs: 1,
    sql: [
      {
        file: appendPart('check_terms'),
        from: "(command.hold_slots is not null) <> (command.kind = 'charge_on_lease'))",
        to: "(command.hold_slots is not null) <> (command.kind = 'charge_on_lease')) and command.kind <> 'charge_on_lease'",
      },
    ],
  },
  {
    name: 'stream-beyond-its-hold',
    says: 'a stream goes on while its hold grows',
    breaks: 'I11',
    fault: 'kill-gateway/before-extend',
    runs: 5,
    source: [
      {
        file: 'src/proxy/delivery/metered-stream.ts',
        from: `const refusal =
        (isSold ? await reservation.ensure(this.countedAt(meter.used)) : undefined) ??
        (await this.beforeSending(sent))`,
        to: `if (isSold) reservation.ensure(this.countedAt(meter.used)).catch(() => {})
      const refusal = undefined as Refusal | undefined`,
      },
    ],
  },
  {
    name: 'stream-not-said-to-be-sent',
    says: 'an extension does not say what was sent',
    breaks: 'I12',
    fault: 'kill-gateway/in-extend',
    runs: 10,
    source: [
      {
        file: 'src/gate/reservation/extend-hold.ts',
        from: '...(sent && { sent }),',
        to: '',
      },
    ],
  },
]
