import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { LineFault, readLines } from '../../src/lib/read-lines.ts'

async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0
  for (const size of sizes) {
    yield bytes.subarray(from, from + size)
    from += size
  }
  yield bytes.subarray(from)
}

const linesOf = async (bytes: Uint8Array, sizes: readonly number[] = [], max = 1_000) =>
  Array.fromAsync(readLines(cut(bytes, sizes), max))

test('lines are what was written, wherever the stream is cut, and whatever else ends a line elsewhere', async () => {
  const line = fc.string({
    unit: fc.constantFrom('a', 'ü', '\r', '\u2028', '\u0085', '\ufeff', '😀'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat(7)), async (lines, sizes) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''))
      expect(await linesOf(bytes, sizes)).toEqual(lines)
    }),
  )
})

test.each([
  ['has no end', Buffer.from('a\nb'), 'cut_off'],
  ['is too long', Buffer.from(`${'x'.repeat(1_001)}\n`), 'too_long'],
  ['is too long, and has no end', Buffer.alloc(1_001, 'x'), 'too_long'],
  ['is no UTF-8', Buffer.from([0xff, 0x0a]), 'not_utf8'],
] as const)('a line that %s is a fault', async (_, bytes, fault) => {
  for (const sizes of [[], [1], [1_000]]) {
    const error = await linesOf(bytes, sizes).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(LineFault)
    expect((error as LineFault).fault).toBe(fault)
  }
})
