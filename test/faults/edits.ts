/** A change of a file's text; `from` must occur exactly once. */
export interface Edit {
  /** From the project's root. */
  readonly file: string
  readonly from: string
  readonly to: string
}

/** The text with the change made. @throws when `from` does not occur exactly once */
export function edited(text: string, { file, from, to }: Edit): string {
  const occurrences = text.split(from).length - 1
  if (occurrences !== 1)
    throw new Error(`${file}: found ${occurrences} times, expected once:\n${from}`)
  return text.replace(from, () => to)
}
