/** Keys that change while they call. */
import type { EventType } from '../../../events/catalogue.ts'
import { languages, search } from '../calls.ts'
import { expectThat, type Fault } from '../fault.ts'
import { makeCall } from '../load.ts'

export const keyFaults: readonly Fault[] = [
  {
    name: 'keys/change',
    says: 'a key that every gateway knows is disabled, enabled, and revoked while it calls',
    runs: 20,
    async strike(world, load, random) {
      const { ledger, auditor, fleet } = world
      const key = await ledger.key(world.cast.changing.account)
      const ask = (kind = search) =>
        Promise.all(fleet.active.map((gateway) => makeCall(world, gateway, key, kind, random)))
      const change = async (type: EventType, allowed: boolean) => {
        if (!allowed)
          auditor.keyChanges.push({ keyId: key.keyId, allowed, atMs: performance.now() })
        await ledger.change(key, type)
        auditor.keyChanges.push({ keyId: key.keyId, allowed, atMs: performance.now() })
        return performance.now()
      }
      await ask()
      await change('KeyDisabled', false)
      await ask()
      const enabledAtMs = await change('KeyEnabled', true)
      while (performance.now() - enabledAtMs < 1_100) await slowly(ask)
      await ask()
      const revokedAtMs = await change('KeyRevoked', false)
      expectThat(
        (await ask()).every(({ status }) => status === 401),
        'revoked keys are sold nothing',
      )
      while (performance.now() - revokedAtMs < 1_000) await slowly(() => ask(languages))
      const late = await ask(languages)
      expectThat(
        late.every(({ status }) => status === 401),
        'nor do they get what is free',
      )
      await load.calls(5)
    },
  },
]

async function slowly(ask: () => Promise<unknown>): Promise<void> {
  await ask()
  await Bun.sleep(20)
}
