/** `tollbook replay`: builds projections anew from the log, or shows them as they stood. */
import { projections } from '../../projections/index.ts'
import { didYouMean } from '../config/did-you-mean.ts'
import { rebuildAll } from '../projector/rebuild.ts'
import { bookArgs } from './book.ts'
import { command } from './command.ts'
import { databaseUrl } from './database.ts'
import { UsageError } from './errors.ts'
import { json, number } from './output.ts'
import { openProgress } from './progress.ts'

const args = {
  projection: {
    type: 'positional',
    required: false,
    description: 'Which one; all of them unless said',
  },
  ...bookArgs,
} as const

export default command(
  {
    name: 'replay',
    description:
      'Build projections anew from the log, as the owner, beside those in service, and exchange them. Nobody waits; what was interrupted goes on.',
    examples: ['replay', 'replay daily_usage --json'],
  },
  args,
  async (args) => {
    const chosen = chooseProjections(args.projection)
    const progress = openProgress({ lines: true })
    try {
      const url = await databaseUrl(args)
      const done = await rebuildAll(chosen, { url, progress: progress.show })
      progress.stop()
      if (args.json) return json(done)
      for (const { projection, events, resumed, exchangeMs } of done) {
        const went = resumed ? ' more, after an interruption' : ''
        console.log(
          `${projection}: ${number(events)} events${went}; exchanged in ${Math.ceil(exchangeMs)} ms.`,
        )
      }
    } finally {
      progress.stop()
    }
  },
)

/** @throws UsageError when there is none of that name */
export function chooseProjections(name: string | undefined) {
  if (name === undefined) return projections
  const found = projections.filter((projection) => projection.name === name)
  if (found.length > 0) return found
  const names = projections.map((projection) => projection.name)
  const meant = didYouMean(name, names)
  throw new UsageError(
    `there is no projection "${name}"; ${meant ? `did you mean "${meant}"?` : `there are ${names.join(', ')}.`}`,
  )
}
