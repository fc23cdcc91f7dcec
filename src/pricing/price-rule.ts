/**
 * How a call is priced. A rule stands in the tariff, and so in the ledger, exactly as written here: it
 * must suffice to price a recorded quantity again years later, without the configuration it came from.
 *
 * Every rule says what is counted, what a unit costs and, where the count is not the request's own,
 * the bound that is held before the call.
 */
import { type Static, Type } from '@sinclair/typebox'
import { atLeast, closed, pointer, text } from '../lib/schema-fields.ts'

/** Of one call: what is beyond it is a mistake, and sums of it stay exact. */
export const maxTokens = 1_000_000_000

const credits = atLeast(1, 'Credits for one unit. What costs nothing is `per: free`.')

export const Condition = closed(
  {
    pointer,
    equals: Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()], {
      description: 'The value that must stand there: a text, a number, true, false or null.',
    }),
  },
  { description: 'A test on JSON: the value at the pointer is this one.' },
)

const FreePrice = closed(
  { per: Type.Literal('free') },
  { description: 'Costs nothing: the call is counted, no credits are held.' },
)

const RequestPrice = closed(
  { per: Type.Literal('request'), credits },
  { description: 'A fixed price for each call.' },
)

const ItemPrice = closed(
  {
    per: Type.Literal('item'),
    credits,
    hold: closed(
      { list: pointer },
      {
        description: "Held before the call: one unit for each item of this list of the request's.",
      },
    ),
    settle: Type.Optional(
      closed(
        { list: pointer, where: Type.Optional(Condition) },
        {
          description:
            'Charged after the call: one unit for each item of this list of the response, only those that pass `where`. Absent: as held.',
        },
      ),
    ),
  },
  { description: 'A price for each item of a list.' },
)

const CharacterPrice = closed(
  {
    per: Type.Literal('character'),
    unit: atLeast(
      1,
      'How many characters (Unicode code points) one price buys; a started unit counts.',
    ),
    credits,
    hold: closed({ text: pointer }, { description: "The text, in the request's JSON." }),
  },
  { description: 'A price for each started unit of characters.' },
)

const SecondPrice = closed(
  {
    per: Type.Literal('second'),
    unit: atLeast(1, 'How many seconds one price buys; a started unit counts.'),
    credits,
    hold: closed(
      {
        audio: Type.String({ minLength: 1, description: 'The form field that carries the audio.' }),
        lowestBitsPerSecond: atLeast(
          1,
          'The lowest bitrate accepted: a file of so many bits cannot last longer than at this rate.',
        ),
        maxSeconds: atLeast(1, 'No call is held, or charged, for more than this.'),
      },
      {
        description:
          "Held before the call: the larger of the file header's duration and bytes × 8 ÷ lowestBitsPerSecond, at most maxSeconds.",
      },
    ),
    settle: Type.Optional(
      closed(
        { number: pointer },
        {
          description:
            "Charged after the call: the seconds that the response says, where it says them; else the file header's duration; else as held.",
        },
      ),
    ),
  },
  { description: 'A price for each started unit of seconds of audio.' },
)

const step = (what: string) =>
  atLeast(
    1,
    `How many ${what} of a stream are held ahead at a time: what may be lost to a call that ends without a word, and how often the ledger is asked.`,
    maxTokens,
  )

const TokenPrice = closed(
  {
    per: Type.Literal('token'),
    unit: atLeast(1, 'How many tokens one price buys; a started unit counts.'),
    credits,
    hold: closed(
      {
        bytesPerToken: atLeast(
          1,
          'The request counts one token for so many bytes of its body, until the answer says better.',
        ),
        limit: Type.Array(pointer, {
          description:
            "Where the request's JSON may say how many tokens its answer can have; the first number counts.",
        }),
        most: atLeast(
          1,
          "The answer's tokens where the request does not say; more are not held before the call.",
          maxTokens,
        ),
        step: step('tokens'),
      },
      {
        description:
          'Held before the call: the tokens of the request and those that the answer can have; of a stream, one step, and more as it comes.',
      },
    ),
    settle: closed(
      {
        usage: text(
          '^/.+$',
          'a JSON pointer such as /usage/total_tokens',
          "Where the answer, or an event of a stream, says all tokens: the request's and its own.",
        ),
        each: Type.Array(pointer, {
          minItems: 1,
          description:
            'An event of a stream counts one token where there is something at one of these, until an event says the usage.',
        }),
      },
      {
        description:
          'Charged after the call: the tokens that the answer says. A stream that does not say is charged by its events, another answer as held.',
      },
    ),
  },
  {
    description: 'A price for each started unit of tokens, of a JSON answer or of an event stream.',
  },
)

const BytePrice = closed(
  {
    per: Type.Literal('byte'),
    unit: atLeast(1, 'How many bytes of the answer one price buys; a started unit counts.'),
    credits,
    hold: closed(
      { step: step('bytes') },
      { description: 'Held before the call: one step, and more as the answer comes.' },
    ),
  },
  { description: 'A price for each started unit of bytes of the answer.' },
)

export const PriceRule = Type.Union(
  [FreePrice, RequestPrice, ItemPrice, CharacterPrice, SecondPrice, TokenPrice, BytePrice],
  { description: 'What a call costs.' },
)

export type Condition = Static<typeof Condition>
export type PriceRule = Static<typeof PriceRule>
export type MeteredPrice = Extract<PriceRule, { per: 'token' | 'byte' }>

/** Whether a call is metered along the way: its hold grows with its answer. */
export function isMetered(rule: PriceRule): rule is MeteredPrice {
  return rule.per === 'token' || rule.per === 'byte'
}
