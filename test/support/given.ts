/**
 * Tests of decisions: given what happened, when a command comes, this follows.
 *
 *   given(decider)(issued).when({ type: 'revoke' }).follows({ type: 'KeyRevoked', payload: {} })
 *   given(decider)(issued, revoked).when({ type: 'enable' }).refuses('key_revoked')
 */
import { expect } from 'bun:test'
import { type Decider, isRefused, type RefusalName } from '../../src/management/decision.ts'

export function given<State, Command, Event>(decider: Decider<State | undefined, Command, Event>) {
  return (...events: readonly Event[]) => ({
    when(command: Command) {
      const state = events.reduce<State | undefined>(decider.evolve, undefined)
      const decision = decider.decide(state, command)
      return {
        follows(...expected: readonly Event[]) {
          expect(decision).toEqual({ events: expected })
        },
        refuses(name: RefusalName) {
          expect(isRefused(decision) ? decision.refused : decision).toBe(name)
        },
      }
    },
  })
}
