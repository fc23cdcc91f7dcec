/** Counts a response along the way, part by part: the events of a stream, or pieces of bytes. */

import { valueAt } from '../../lib/json-pointer.ts'
import type { RequestContent } from '../../pricing/price-kind.ts'
import type { MeteredPrice } from '../../pricing/price-rule.ts'
import { reportedTokens, requestTokens, type TokenPrice } from '../../pricing/rules/per-token.ts'
import { dataOf, eventSplitter } from './event-stream.ts'

export interface Meter {
  /** What is used once all parts so far have been sent. */
  readonly used: number
  /** Counts the next part. */
  count(part: Uint8Array): Counted
}

interface Counted {
  /** The part brings something to pay. */
  readonly isSold: boolean
  /** The part can be the last one, and waits until another one comes or the charge is written. */
  readonly isWithheld: boolean
}

export function meterOf(price: MeteredPrice, request: RequestContent): Meter {
  switch (price.per) {
    case 'token':
      return tokenMeter(price, request)
    case 'byte':
      return byteMeter()
    default:
      return price satisfies never
  }
}

/**
 * Each event brings a token, until one reports what was used. An event that brings none (a usage report, the `[DONE]` at
 * the end) waits. An event that brings one is sent at once, because a reader is waiting for it.
 */
function tokenMeter(price: TokenPrice, request: RequestContent): Meter {
  let used = requestTokens(price, request)
  return {
    get used() {
      return used
    },
    count(event) {
      const data = dataOf(event)
      if (data === undefined) return { isSold: false, isWithheld: false }
      const json = parsed(data)
      const isSold = price.settle.each.some((at) => isSomething(valueAt(json, at)))
      if (isSold) used++
      used = reportedTokens(price, json) ?? used
      return { isSold, isWithheld: !isSold }
    },
  }
}

function byteMeter(): Meter {
  let used = 0
  return {
    get used() {
      return used
    },
    count(piece) {
      used += piece.length
      return { isSold: true, isWithheld: true }
    },
  }
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

/** Neither absent nor empty: `""`, `[]` and null bring nothing. */
function isSomething(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return value !== undefined && value !== null && value !== ''
}

/** A response in parts. */
export interface Parts {
  /** The next part, or undefined at the end. Throws when the upstream breaks off. */
  next(): Promise<Uint8Array | undefined>
  /** Stops reading from the upstream. */
  cancel(): Promise<void>
}

const maxEventBytes = 4 * 1024 * 1024

/** @param kind events, or pieces of at most so many bytes */
export function partsOf(body: ReadableStream<Uint8Array>, kind: 'events' | number): Parts {
  const reader = body.getReader()
  const split = kind === 'events' ? splitEvents() : splitPieces(kind)
  const ready: Uint8Array[] = []
  let ended = false
  return {
    async next() {
      while (ready.length === 0 && !ended) {
        const { done, value } = await reader.read()
        ended = done
        // What comes after the last whole event is a part too.
        for (const part of value ? split.push(value) : [split.rest()]) {
          if (part.length > 0) ready.push(part)
        }
      }
      return ready.shift()
    },
    cancel: () => reader.cancel(),
  }
}

const splitEvents = () => eventSplitter(maxEventBytes)

function splitPieces(maxBytes: number) {
  return {
    push(bytes: Uint8Array): Uint8Array[] {
      const pieces: Uint8Array[] = []
      for (let at = 0; at < bytes.length; at += maxBytes)
        pieces.push(bytes.subarray(at, at + maxBytes))
      return pieces
    },
    rest: () => new Uint8Array(),
  }
}
