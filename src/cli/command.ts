/**
 * Commands, each made of a table of what it takes. commander parses the line, refuses what a command does not take,
 * suggests what was meant, and prints the help.
 */
import { Command, InvalidArgumentError, Option } from 'commander'
import { printable, printableFault } from '../lib/printable-text.ts'
import { bold } from './output.ts'
import { UsageError } from './usage-error.ts'

interface CommandHelp {
  readonly description: string
  /** Whole command lines, without `tollbook`. */
  readonly examples?: readonly string[]
}

type Args = Readonly<Record<string, Argument | Flag | Value>>

/** A word that stands by itself, such as `key_…` in `keys show key_…`. */
interface Argument {
  readonly type: 'positional'
  readonly required: boolean
  readonly description: string
}

/** An option without a value, such as `--json`; `--json=false` takes it back. */
interface Flag {
  readonly type: 'boolean'
  readonly description: string
}

/** An option with a value, such as `--limit 20`. */
interface Value {
  readonly type: 'string'
  readonly description: string
  /** What the help says for the value; the option's name in capitals unless given. */
  readonly valueHint?: string
  readonly required?: boolean
  readonly default?: string
  /** '' is a value, too: what was said before is taken away. */
  readonly mayBeEmpty?: boolean
}

type ValueOf<Arg extends Args[string]> = Arg extends Flag
  ? boolean | undefined
  : Arg extends { required: true } | { default: string }
    ? string
    : string | undefined

/** A command. What `run` throws ends the program with a sentence on stderr and status 1. */
export function command<const A extends Args>(
  help: CommandHelp,
  args: A,
  run: (args: { readonly [Name in keyof A]: ValueOf<A[Name]> }) => Promise<void>,
): Command {
  const made = newCommand(help)
  const words: string[] = []
  for (const [name, arg] of Object.entries(args)) {
    if (arg.type === 'positional') {
      words.push(name)
      made.argument(arg.required ? `<${name}>` : `[${name}]`, arg.description)
    } else if (arg.type === 'boolean') {
      made.addOption(new Option(`--${name}`, arg.description))
      made.addOption(new Option(`--${name}=false`).implies({ [name]: false }).hideHelp())
    } else made.addOption(optionWithValue(name, arg))
  }
  return made.action(() => {
    const options = made.options.map((o) => [o.name(), made.getOptionValue(o.attributeName())])
    const given = [...options, ...words.map((name, i) => [name, made.args[i]])]
    for (const [name, value] of given) requirePrintable(String(name), value)
    return run(Object.fromEntries(given))
  })
}

/** What is given here is stored, or printed. @throws UsageError */
function requirePrintable(name: string, value: unknown): void {
  const fault = typeof value === 'string' ? printableFault(value) : undefined
  if (fault !== undefined) throw new UsageError(`the value of ${name} ${fault}.`)
}

function optionWithValue(name: string, arg: Value): Option {
  const flags = `--${name} <${arg.valueHint ?? name.toUpperCase()}>`
  return new Option(flags, `${arg.description}${arg.required ? ' (required)' : ''}`)
    .makeOptionMandatory(arg.required === true)
    .default(arg.default)
    .argParser((text) => {
      if (text === '' && arg.mayBeEmpty !== true) throw new InvalidArgumentError('It is empty.')
      return text
    })
}

/** Commands under one name. A command's file is loaded when the command is asked for, or listed in a help. */
export interface CommandGroup extends CommandHelp {
  readonly commands: Readonly<Record<string, CommandGroup | LoadCommand>>
}

type LoadCommand = () => Promise<{ readonly default: Command }>

/** Makes a group of the command that `words` begin with; of all its commands where they begin with none. */
export async function commandGroup(
  group: CommandGroup,
  words: readonly string[],
): Promise<Command> {
  const made = newCommand(group).usage('COMMAND').helpCommand(false)
  made.addHelpText('after', () => `\n${fullName(made)} COMMAND --help says more about one of them.`)
  const [word = '', ...rest] = words
  const named = Object.entries(group.commands).filter(([name]) => name === word)
  for (const [name, found] of named.length > 0 ? named : Object.entries(group.commands)) {
    const member = typeof found === 'function' ? (await found()).default : commandGroup(found, rest)
    made.addCommand((await member).name(name))
  }
  return made
}

function newCommand({ description, examples = [] }: CommandHelp): Command {
  const made = new Command().description(description).helpOption('-h, --help', 'Print this help')
  made.configureHelp({
    styleTitle: bold,
    // A list of commands says the name and the first sentence of each; the rest is in its own help.
    subcommandTerm: (each) => each.name(),
    subcommandDescription: (each) => each.description().split(/(?<=\.) /)[0] ?? '',
  })
  made.configureOutput({
    outputError: (text, write) => {
      const sentence = text
        .trim()
        .replace(/^error: /, '')
        .replace(/\.$/, '')
        .replace('\n', ' ')
      write(`tollbook: ${printable(sentence)}; see "${fullName(made)} --help".\n`)
    },
  })
  const lines = examples.map((line) => `\n  tollbook ${line}`).join('')
  return lines === '' ? made : made.addHelpText('after', `\n${bold('Examples:')}${lines}`)
}

/** `tollbook keys create` */
function fullName(made: Command): string {
  return made.parent ? `${fullName(made.parent)} ${made.name()}` : made.name()
}
