/** A change of a file's text, which must fit exactly one place of it. */
export interface Edit {
  /** From the project's root. */
  readonly file: string
  readonly from: string
  readonly to: string
}

/** The text with the change made. @throws when its place is not found exactly once */
export function edited(text: string, { file, from, to }: Edit): string {
  const places = text.split(from).length - 1
  if (places !== 1) throw new Error(`${file}: found ${places} times, expected once:\n${from}`)
  return text.replace(from, () => to)
}
