/** Shortens a plan that breaches an invariant, by delta debugging: it leaves out what the breach does not need. */
import type { Action, Plan } from './plan.ts'

/** @param isBreached whether a plan still breaches the same invariant */
export async function shrink(
  plan: Plan,
  isBreached: (plan: Plan) => Promise<boolean>,
  maxTries = 400,
): Promise<Plan> {
  let [shortest, tries] = [plan, 0]
  const take = async (shorter: Plan): Promise<boolean> => {
    if (tries++ >= maxTries || !(await isBreached(shorter))) return false
    shortest = shorter
    return true
  }

  /** Leaves out parts of the list, large ones first, until every single action is needed. */
  async function shortenActions(): Promise<void> {
    for (
      let size = Math.ceil(shortest.actions.length / 2);
      size >= 1;
      size = Math.floor(size / 2)
    ) {
      for (let at = 0; at < shortest.actions.length; ) {
        const actions = shortest.actions.toSpliced(at, size)
        if (!(await take({ ...shortest, actions }))) at += size
      }
    }
  }

  async function simplifyActions(): Promise<void> {
    for (const [at, action] of shortest.actions.entries()) {
      for (const simpler of simplerThan(action)) {
        await take({ ...shortest, actions: shortest.actions.with(at, simpler) })
      }
    }
  }

  await shortenActions()
  for (const gateways of [1, 2]) {
    if (gateways < shortest.gateways) await take({ ...shortest, gateways })
  }
  if (shortest.accounts.length > 1) {
    for (const account of shortest.accounts) {
      if (await take({ ...shortest, accounts: [account] })) break
    }
  }
  await simplifyActions()
  await shortenActions()
  return shortest
}

function* simplerThan(action: Action): Generator<Action> {
  if (action.do !== 'call') return
  const { claim: _, leavesAfterMs: __, ...plain } = action
  if (action.claim !== undefined || action.leavesAfterMs !== undefined) yield plain
  if (action.route !== 'say') yield { ...action, route: 'say', tokens: 1 }
  if (action.outcome !== 'ok') yield { ...action, outcome: 'ok' }
}
