/**
 * Replaces every `{{name}}` of an SQL text by the value of that name. A value's lines get the indentation of the line that it is
 * put into.
 * @throws when a name has no value
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
