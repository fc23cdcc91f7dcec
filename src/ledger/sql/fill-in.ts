/**
 * Puts values into the places of an SQL text that are marked `{{name}}`. The lines of a value are indented as its place is.
 * @throws when a place has no value
 */
export function fillIn(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/^( *)(.*)/gm, (line, indent: string) =>
    line.replace(/\{\{(.+?)\}\}/g, (_, name: string) => {
      const value = values[name]
      if (value === undefined) throw new Error(`nothing is given for {{${name}}}`)
      return value.trimEnd().replaceAll('\n', `\n${indent}`)
    }),
  )
}
