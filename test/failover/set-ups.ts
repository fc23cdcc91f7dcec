/** The two ways in which a commit waits for a standby, each as a file of deploy/patroni says it. */

export interface SetUp {
  readonly name: 'quorum-commit' | 'synchronous-mode'
  /** In a sentence for the table. */
  readonly says: string
  /** In deploy/patroni. */
  readonly file: string
  /** Patroni names the standby that is waited for, and no other one is promoted. */
  readonly choosesStandby: boolean
}

export const setUps: readonly SetUp[] = [
  {
    name: 'quorum-commit',
    says: 'a commit waits for any one of the two standbys (`ANY 1`), and Patroni does not know of it (`synchronous_mode` off)',
    file: 'quorum-commit.yml',
    choosesStandby: false,
  },
  {
    name: 'synchronous-mode',
    says: 'Patroni names the standby that a commit waits for, and another one when that is lost (`synchronous_mode`)',
    file: 'synchronous-mode.yml',
    choosesStandby: true,
  },
]

/** A set-up by its name. @throws for a name that is none */
export function setUpNamed(name: string): SetUp {
  const found = setUps.find((one) => one.name === name)
  if (!found)
    throw new Error(`There is no set-up ${name}: ${setUps.map(({ name }) => name).join(', ')}`)
  return found
}
