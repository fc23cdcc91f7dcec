/** The seller's logo: a file beside the configuration, read once and checked for being what its name says. */
import { readFileSync, statSync } from 'node:fs'
import { extname } from 'node:path'

export interface Logo {
  readonly mediaType: 'image/png' | 'image/svg+xml'
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The name under which pages load it; another content has another name. */
  readonly fileName: string
}

const maxBytes = 100_000

const kinds: Readonly<
  Record<string, { mediaType: Logo['mediaType']; isKind: (bytes: Uint8Array) => boolean }>
> = {
  '.png': { mediaType: 'image/png', isKind: isPng },
  '.svg': { mediaType: 'image/svg+xml', isKind: isSvg },
}

/** @returns why the file is no logo, where it is none */
export function readLogo(file: string): Logo | { readonly fault: string } {
  const ending = extname(file)
  const kind = kinds[ending]
  if (!kind) return { fault: 'expected a PNG or SVG file' }
  let bytes: Uint8Array<ArrayBuffer>
  try {
    const found = statSync(file)
    if (!found.isFile()) return { fault: 'it is no file' }
    if (found.size > maxBytes) return { fault: `it has ${found.size} bytes, more than ${maxBytes}` }
    bytes = new Uint8Array(readFileSync(file))
  } catch (error) {
    return { fault: `cannot be read: ${error instanceof Error ? error.message : String(error)}` }
  }
  if (!kind.isKind(bytes)) return { fault: `it is no ${ending.slice(1).toUpperCase()} file` }
  const hash = Bun.SHA256.hash(bytes, 'hex').slice(0, 16)
  return { mediaType: kind.mediaType, bytes, fileName: `logo-${hash}${ending}` }
}

function isPng(bytes: Uint8Array): boolean {
  return [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a].every((byte, i) => bytes[i] === byte)
}

/** As far as one sees without reading it all: browsers show nothing of what is none. */
function isSvg(bytes: Uint8Array): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).trimStart()
    return text.startsWith('<') && /<svg[\s>]/.test(text)
  } catch {
    return false
  }
}
