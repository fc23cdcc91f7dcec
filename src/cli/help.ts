/** What `--help` prints: how a command is called, what it takes, and examples that can be copied. */
import type { ArgDef, CommandDef } from 'citty'
import type { CommandHelp } from './command.ts'
import { bold, dim } from './output.ts'

// biome-ignore lint/suspicious/noExplicitAny: citty's own word for commands of whatever options.
export type AnyCommand = CommandDef<any>

/** @param name the command's whole name, such as `tollbook keys create` */
export async function helpOf(command: AnyCommand, name: string): Promise<string> {
  const meta = (await resolved(command.meta)) as CommandHelp | undefined
  const args = Object.entries(((await resolved(command.args)) ?? {}) as Record<string, ArgDef>)
  const words = args.filter(([, arg]) => arg.type === 'positional')
  const options = args.filter(([, arg]) => arg.type !== 'positional')
  const commands = await commandsOf(command)
  const usage = [
    name,
    ...words.map(([word, arg]) => {
      const upper = word.toUpperCase()
      return arg.required === false || arg.default !== undefined ? `[${upper}]` : upper
    }),
    ...(options.length > 0 ? ['[options]'] : []),
    ...(commands.length > 0 ? ['COMMAND'] : []),
  ]
  return [
    meta?.description ?? '',
    `\n${bold('Usage:')} ${usage.join(' ')}`,
    ...section(
      'Arguments',
      words.map(([word, arg]) => [word.toUpperCase(), arg.description ?? '']),
    ),
    ...section('Commands', commands),
    ...section('Options', options.map(optionLine)),
    ...examples(meta?.examples ?? []),
    ...(commands.length > 0
      ? [`\n${dim(`${name} COMMAND --help says more about one of them.`)}`]
      : []),
  ].join('\n')
}

async function commandsOf(command: AnyCommand): Promise<[string, string][]> {
  const commands = Object.entries((await resolved(command.subCommands)) ?? {})
  return Promise.all(
    commands.map(async ([name, load]): Promise<[string, string]> => {
      const meta = await resolved((await resolved(load))?.meta)
      return [name, meta?.description ?? '']
    }),
  )
}

function optionLine([name, arg]: [string, ArgDef]): [string, string] {
  const value = arg.type === 'boolean' ? '' : ` ${arg.valueHint ?? name.toUpperCase()}`
  const more =
    arg.required === true && arg.default === undefined
      ? ' (required)'
      : arg.default === undefined
        ? ''
        : ` (${arg.default} unless told)`
  return [`--${name}${value}`, `${arg.description ?? ''}${more}`]
}

function section(title: string, lines: readonly (readonly [string, string])[]): string[] {
  if (lines.length === 0) return []
  const width = Math.max(...lines.map(([left]) => left.length))
  return [`\n${bold(`${title}:`)}`, ...lines.map(([l, r]) => `  ${l.padEnd(width)}  ${r}`)]
}

function examples(lines: readonly string[]): string[] {
  if (lines.length === 0) return []
  return [`\n${bold('Examples:')}`, ...lines.map((line) => `  tollbook ${line}`)]
}

/** citty takes most of what it is told as a value, a promise or a function. */
export async function resolved<T>(value: T | Promise<T> | (() => T | Promise<T>)): Promise<T> {
  return typeof value === 'function' ? (value as () => T | Promise<T>)() : value
}
