/** Every fault, in the order of the table. */
import { until } from '../support/until.ts'
import { askEveryMs, type Cluster } from './cluster.ts'
import type { Fault, Struck } from './fault.ts'
import type { Scene } from './scene.ts'
import type { DatabaseServer } from './server.ts'

/** Of a fault that lasts. */
const lastsMs = 60_000
/** How long both standbys are away. */
const awayMs = 15_000
/** A leader is chosen, and what was away is back, within this. */
const withinMs = 120_000

export const faults: readonly Fault[] = [
  {
    name: 'leader-killed',
    says: 'kill -9 of all that runs on the leader; it comes back once another leads',
    ...{ runs: 10, sellsWithinSeconds: 30, sellsAfterChoiceWithinSeconds: 3 },
    async strike({ cluster }, load) {
      const leader = await leaderOf(cluster)
      await leader.kill()
      const chosenAtMs = await anotherIsChosen(cluster, leader)
      await load.sells(10)
      leader.start()
      return { chosenAtMs }
    },
  },
  {
    name: 'leader-frozen',
    says: 'SIGSTOP of all that runs on the leader, for 60 s',
    ...{ runs: 3, sellsWithinSeconds: 30 },
    async strike({ cluster }, load) {
      const leader = await leaderOf(cluster)
      await leader.freeze()
      const chosenAtMs = await forAMinute(() => anotherIsChosen(cluster, leader))
      await leader.thaw()
      await load.sells(10)
      return { chosenAtMs }
    },
  },
  {
    name: 'leader-cut-off',
    says: 'the leader’s network cable is pulled, for 60 s; it runs on',
    ...{ runs: 3, sellsWithinSeconds: 30 },
    async strike({ cluster }, load) {
      const leader = await leaderOf(cluster)
      await leader.cutOff()
      const chosenAtMs = await forAMinute(() => anotherIsChosen(cluster, leader))
      await leader.reconnect()
      await load.sells(10)
      return { chosenAtMs }
    },
  },
  {
    name: 'switchover',
    says: 'a planned switchover',
    ...{ runs: 10, sellsWithinSeconds: 6, servesEveryCall: true },
    async strike({ cluster }, load) {
      const leader = await leaderOf(cluster)
      await leader.switchOver()
      await load.sells(10)
      return {}
    },
  },
  {
    name: 'postmaster-killed',
    says: 'kill -9 of the leader’s PostgreSQL; its Patroni stays',
    ...{ runs: 10, sellsWithinSeconds: 10 },
    async strike({ cluster }, load) {
      const leader = await leaderOf(cluster)
      leader.killPostmaster()
      await load.sells(10)
      return {}
    },
  },
  {
    name: 'etcd-lost',
    says: 'kill -9 of all members of etcd, which come back after 60 s',
    ...{ runs: 3, sellsWithinSeconds: 1 },
    async strike({ cluster }) {
      await cluster.killEtcd()
      await Bun.sleep(lastsMs)
      cluster.startEtcd()
      return {}
    },
  },
  {
    name: 'standby-lost',
    says: 'kill -9 of all that runs on a standby, of the one that is waited for, where there is one',
    ...{ runs: 10, sellsWithinSeconds: 3 },
    async strike({ cluster }, load) {
      const [standby] = await standbysOf(cluster)
      await standby.kill()
      await load.sells(150)
      standby.start()
      return {}
    },
  },
  {
    name: 'standbys-lost',
    says: 'kill -9 of all that runs on both standbys, of which one comes back after 15 s',
    ...{ runs: 10, sellsWithinSeconds: 10 },
    async strike({ cluster }, load) {
      const [first, second] = await standbysOf(cluster)
      await Promise.all([first.kill(), second.kill()])
      const fromMs = performance.now()
      await Bun.sleep(awayMs)
      const untilMs = performance.now()
      first.start()
      await load.sells(10)
      second.start()
      return { outage: { fromMs, untilMs } }
    },
  },
  {
    name: 'leader-and-standby-lost',
    says: 'kill -9 of all that runs on the leader and on the standby that had acknowledged, while the other one is behind',
    ...{ runs: 3, under: ['quorum-commit'], canLoseCharges: true },
    async strike({ cluster, gateways }, load) {
      const leader = await leaderOf(cluster)
      const [standby, behind] = await standbysOf(cluster)
      await behind.cutOff()
      await load.sells(50)
      // What is on its way to the one that is behind must not arrive.
      await leader.cutOff()
      await Promise.all([leader.kill(), standby.kill()])
      await behind.reconnect()
      await anotherIsChosen(cluster, leader)
      await leader.reconnect()
      leader.start()
      standby.start()
      return stopped(gateways)
    },
  },
  {
    name: 'leader-and-named-standby-lost',
    says: 'kill -9 of all that runs on the leader and on the standby that is waited for; that comes back after 30 s',
    ...{ runs: 3, under: ['synchronous-mode'], sellsWithinSeconds: 30 },
    async strike({ cluster }, load) {
      const leader = await leaderOf(cluster)
      const [standby, behind] = await standbysOf(cluster)
      await behind.cutOff()
      await load.sells(50)
      await leader.cutOff()
      await Promise.all([leader.kill(), standby.kill()])
      const fromMs = performance.now()
      await behind.reconnect()
      await Bun.sleep(2 * awayMs)
      const untilMs = performance.now()
      standby.start()
      await load.sells(10)
      await leader.reconnect()
      leader.start()
      return { outage: { fromMs, untilMs } }
    },
  },
  {
    name: 'leader-frozen-under-etcd3',
    says: 'planted: etcd’s API of version 3, by which a leader that was frozen for 60 s takes its lock back',
    // Whether it takes the lock back depends on what it was doing when it was frozen.
    ...{ runs: 6, under: ['quorum-commit'], canLoseCharges: true },
    plant: (patroni) => patroni.replace(/^etcd:$/m, 'etcd3:'),
    async strike({ cluster, gateways }, load) {
      const leader = await leaderOf(cluster)
      await leader.freeze()
      await Bun.sleep(lastsMs)
      await leader.thaw()
      const sells = load.sells(500).then(() => ({}))
      // Either the gateways stop, or the thawed leader has followed its successor.
      return Promise.race([stopped(gateways), sells])
    },
  },
]

/** Faults by their names, or all. @throws for a name that is none */
export function faultsNamed(names: readonly string[]): readonly Fault[] {
  const unknown = names.find((name) => !faults.some((fault) => fault.name === name))
  if (unknown !== undefined) throw new Error(`There is no fault ${unknown}: see --list.`)
  return names.length === 0 ? faults : faults.filter(({ name }) => names.includes(name))
}

async function leaderOf(cluster: Cluster): Promise<DatabaseServer> {
  const leader = await cluster.leader()
  if (!leader) throw new Error('nobody leads')
  return leader
}

async function standbysOf(cluster: Cluster): Promise<[DatabaseServer, DatabaseServer]> {
  const [first, second] = await cluster.standbys()
  if (!first || !second) throw new Error('there are not two standbys')
  return [first, second]
}

/** Resolves with the time when another server holds the lock. */
async function anotherIsChosen(cluster: Cluster, before: DatabaseServer): Promise<number> {
  const isChosen = async () => {
    const holder = await cluster.lockHolder()
    return holder !== undefined && holder !== before.name
  }
  await until(isChosen, withinMs, askEveryMs)
  return performance.now()
}

/** Does the work, and waits until the fault has lasted as long as it should. */
async function forAMinute<T>(work: () => Promise<T>): Promise<T> {
  const [result] = await Promise.all([work(), Bun.sleep(lastsMs)])
  return result
}

/** Resolves when both gateways say that the log is not the one that they have seen. */
async function stopped(gateways: Scene['gateways']): Promise<Struck> {
  const isStopped = async ({ url }: { url: string }) => {
    const response = await fetch(`${url}/ready`)
    return response.status === 503 && (await response.text()).includes('not the one')
  }
  const areStopped = async () => (await Promise.all(gateways.map(isStopped))).every(Boolean)
  await until(areStopped, withinMs, askEveryMs)
  return { divergedAtMs: performance.now() }
}
