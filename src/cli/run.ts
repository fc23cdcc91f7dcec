/** Finds the command that a line names, and runs it or prints its help. */
import { runCommand } from 'citty'
import { didYouMean } from '../config/did-you-mean.ts'
import { explainAndExit, UsageError } from './errors.ts'
import { type AnyCommand, helpOf, resolved } from './help.ts'

/** @param words what follows the program's name */
export async function runLine(main: AnyCommand, words: readonly string[]): Promise<void> {
  try {
    const { command, name, rest } = await find(main, 'tollbook', words)
    if (words.includes('--help') || words.includes('-h')) {
      console.log(await helpOf(command, name))
    } else if (command.subCommands) {
      console.error(await helpOf(command, name))
      process.exit(1)
    } else {
      await run(command, name, rest)
    }
  } catch (error) {
    explainAndExit(error)
  }
}

interface Found {
  readonly command: AnyCommand
  readonly name: string
  /** The words that are the command's own. */
  readonly rest: readonly string[]
}

async function find(command: AnyCommand, name: string, words: readonly string[]): Promise<Found> {
  const [word, ...rest] = words
  if (!command.subCommands || word === undefined || word.startsWith('-')) {
    return { command, name, rest: words }
  }
  const commands = await resolved(command.subCommands)
  const next = Object.hasOwn(commands, word) ? commands[word] : undefined
  if (!next) {
    const meant = didYouMean(word, Object.keys(commands))
    const hint = meant === undefined ? `see "${name} --help".` : `did you mean "${name} ${meant}"?`
    throw new UsageError(`there is no command "${name} ${word}"; ${hint}`)
  }
  return find(await resolved(next), `${name} ${word}`, rest)
}

async function run(command: AnyCommand, name: string, words: readonly string[]): Promise<void> {
  try {
    await runCommand(command, { rawArgs: [...words] })
  } catch (error) {
    if (!(error instanceof Error && error.name === 'CLIError')) throw error
    // citty colours what it says, on a terminal or not.
    const sentence = Bun.stripANSI(error.message).replace(/\.$/, '')
    throw new UsageError(`${sentence}; see "${name} --help".`)
  }
}
