/**
 * The length of a text in characters (Unicode code points), as JSON Schema counts them: an emoji
 * counts once, a family of emoji as many as it is made of.
 */
export function countCharacters(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}
