/** How commands are made: their options are checked before they run, and their help has examples. */
import {
  type ArgsDef,
  type CommandDef,
  type CommandMeta,
  defineCommand,
  type ParsedArgs,
} from 'citty'
import { checkOptions } from './options/option-values.ts'

export interface CommandHelp extends CommandMeta {
  readonly name: string
  readonly description: string
  /** Whole command lines, without `tollbook`. */
  readonly examples?: readonly string[]
}

/** A command. What it throws ends the program with a sentence on stderr and status 1. */
export function command<const Args extends ArgsDef>(
  meta: CommandHelp,
  args: Args,
  run: (args: ParsedArgs<Args>) => Promise<void>,
): CommandDef<Args> {
  return defineCommand({
    meta,
    args,
    run: ({ args: given }) => {
      checkOptions(given, args)
      return run(given as ParsedArgs<Args>)
    },
  })
}

// biome-ignore lint/suspicious/noExplicitAny: citty's own word for commands of whatever options.
type Load = () => Promise<{ readonly default: CommandDef<any> }>

/** Commands under one name, each loaded when it is asked for. */
export function group(meta: CommandHelp, commands: Readonly<Record<string, Load>>): CommandDef {
  const subCommands = Object.fromEntries(
    Object.entries(commands).map(([name, load]) => [name, () => load().then((m) => m.default)]),
  )
  return defineCommand({ meta, subCommands })
}
