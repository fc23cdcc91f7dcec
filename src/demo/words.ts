/** The words of a conversation: to the demo chat APIs each of them is a token. */

/** As a message has it: a text, or parts of which some are text. */
type Content = string | readonly { readonly text?: string }[] | null | undefined

export function textOf(content: Content): string {
  if (typeof content === 'string') return content
  return (content ?? []).map(({ text = '' }) => text).join(' ')
}

/** The words of a text, each with the space before it. */
export function wordsOf(text: string): string[] {
  return text.trimEnd().match(/\s*\S+/g) ?? []
}
