/**
 * Ranks the corpus for a query by BM25 (Robertson and Zaragoza, "The Probabilistic Relevance
 * Framework: BM25 and Beyond", 2009), with the usual k1 = 1.2 and b = 0.75.
 */

import { corpus, type Document } from './corpus.ts'

interface Hit {
  readonly document: Document
  readonly score: number
}

const k1 = 1.2
const b = 0.75

interface Entry {
  readonly document: Document
  readonly length: number
  readonly frequencies: ReadonlyMap<string, number>
}

const index: readonly Entry[] = corpus.map(entryOf)
const meanLength = index.reduce((sum, entry) => sum + entry.length, 0) / index.length

/** The documents that share a word with the query, best first. */
export function rank(query: string): Hit[] {
  const terms = [...new Set(wordsOf(query))].map((term) => ({ term, rarity: rarityOf(term) }))
  return index
    .map((entry) => ({ document: entry.document, score: scoreOf(entry, terms) }))
    .filter((hit) => hit.score > 0)
    .sort((left, right) => right.score - left.score)
}

/** The first sentence that contains a word of the query, or else the first sentence. */
export function snippetOf(document: Document, query: string): string {
  const terms = new Set(wordsOf(query))
  const sentences = document.text.split(/(?<=[.?!])\s+/)
  const found = sentences.find((sentence) => wordsOf(sentence).some((word) => terms.has(word)))
  return found ?? sentences[0] ?? ''
}

function scoreOf(entry: Entry, terms: readonly { term: string; rarity: number }[]): number {
  const damping = k1 * (1 - b + (b * entry.length) / meanLength)
  return terms.reduce((sum, { term, rarity }) => {
    const frequency = entry.frequencies.get(term) ?? 0
    return sum + (rarity * frequency * (k1 + 1)) / (frequency + damping)
  }, 0)
}

function rarityOf(term: string): number {
  const holders = index.filter((entry) => entry.frequencies.has(term)).length
  return Math.log(1 + (index.length - holders + 0.5) / (holders + 0.5))
}

function entryOf(document: Document): Entry {
  // The title counts twice, because a text is about what its title names.
  const words = wordsOf(`${document.title} ${document.title} ${document.text}`)
  const frequencies = new Map<string, number>()
  for (const word of words) frequencies.set(word, (frequencies.get(word) ?? 0) + 1)
  return { document, length: words.length, frequencies }
}

/** Lower-case words without a plural's s, so that "tides" finds "tide". */
function wordsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  return words.map((word) => (word.length > 3 ? word.replace(/(?<!s)s$/, '') : word))
}
