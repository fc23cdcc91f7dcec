/** Reads the body of a call, checks it as its route says, and makes what the upstream gets of it. */
import type { Route } from '../../config/config.ts'
import { takesBody } from '../../lib/http-methods.ts'
import { shortPointer } from '../../lib/json-pointer.ts'
import { layOver } from '../../lib/json-text.ts'
import { meetsCondition } from '../../pricing/condition.ts'
import { countedPointers } from '../../pricing/counting.ts'
import { type FindLookalike, lookalikeFinder } from '../../pricing/lookalike-names.ts'
import type { RequestContent } from '../../pricing/price-kind.ts'
import { pointedSchema } from '../../pricing/route-body.ts'
import type { CallTarget } from './call-target.ts'
import { formType, readFormBody } from './form-body.ts'
import { type JsonBody, readJsonBody, type ValueLimits } from './json-body.ts'
import { mapBody } from './map-body.ts'
import { type AudioFile, readMultipartBody } from './multipart-body.ts'
import { openRawBody, readAnyBody, readRawBody } from './raw-body.ts'
import type { StreamedBody } from './streamed-body.ts'
import { type Refused, refuse } from './take-body.ts'

export interface CallBody {
  /**
   * As the client sent it: an Idempotency-Key is bound to it. Empty for a route that takes no body, and of a body that is
   * streamed.
   */
  readonly bytes: Uint8Array
  /** What in it is drawn anew for each try, and does not count for an Idempotency-Key: the boundary of a form. */
  readonly boundary?: string
  /** The client's Content-Type, where the upstream goes by it; an Idempotency-Key is bound to it, too. */
  readonly type?: string
  /** What the upstream gets; absent for a route that takes no body. */
  readonly forward?: ForwardedBody
  readonly content: RequestContent
  /** Its files that are audio, or may be, and have not been read. */
  readonly audio?: readonly AudioFile[]
}

export type ForwardedBody = (
  | { readonly bytes: Uint8Array }
  /** The same in UTF-8. */
  | { readonly text: string }
  /** It is sent while it arrives. */
  | { readonly stream: StreamedBody }
) & {
  /** Absent where the client says none, and need not. */
  readonly contentType?: string
  /** It is not what the client sent, but made of it. */
  readonly isRewritten?: boolean
}

/** The body, where it is sent to the upstream while it arrives. */
export function streamOf({ forward }: Pick<CallBody, 'forward'>): StreamedBody | undefined {
  return forward !== undefined && 'stream' in forward ? forward.stream : undefined
}

type Limits = Omit<ValueLimits, 'maxBytes'>

/** Reads the body that the route takes, and refuses one in which another reader may find another price. */
export async function readRequestBody(
  request: Request,
  route: Route,
  limits: Limits,
  values: CallTarget['content'] = {},
): Promise<CallBody | Refused> {
  const body = await readBodyOf(request, route, limits, values)
  if ('refusal' in body || body.content.json === undefined) return body
  const found = finderOf(route)?.(body.content.json)
  if (found === undefined) return body
  const detail = `looks like ${found.name}, which decides the price: another reader may take one for the other`
  return refuse(400, detail, shortPointer(found.pointer))
}

const finders = new WeakMap<Route, { readonly find: FindLookalike | undefined }>()

/** Made once for a route. */
function finderOf(route: Route): FindLookalike | undefined {
  const known = finders.get(route)
  if (known !== undefined) return known.find
  const pointed = pointedSchema(route.request)
  const find = pointed && lookalikeFinder(pointed.schema, countedPointers(route))
  finders.set(route, { find })
  return find
}

/**
 * Reads the body that the route takes, at most `route.maxBodyBytes` of it.
 *
 * @param more its limits beside that
 * @param values what the path and the query say
 */
async function readBodyOf(
  request: Request,
  route: Route,
  more: Limits,
  values: CallTarget['content'],
): Promise<CallBody | Refused> {
  const { request: kind } = route
  if (kind === undefined || !takesBody(route.methods, request.method)) {
    return { bytes: new Uint8Array(), content: values }
  }
  const limits = { ...more, maxBytes: route.maxBodyBytes }
  if ('json' in kind) {
    const body = await readJsonBody(request, kind.json, limits)
    return 'refusal' in body ? body : jsonCall(body, route, values)
  }
  if ('form' in kind) {
    const body = await readFormBody(request, kind.form, limits)
    if ('refusal' in body) return body
    const { bytes, canonical, fields } = body
    const forward = { bytes: canonical, contentType: formType, isRewritten: true }
    return { bytes, forward, content: { ...values, json: fields, bytes: bytes.length } }
  }
  if ('multipart' in kind) {
    const body = await readMultipartBody(request, kind.multipart, limits)
    if ('refusal' in body) return body
    const { bytes, boundary, canonical, files, fields, audio } = body
    const content = { ...values, json: fields, files, bytes: bytes.length }
    return { bytes, boundary, forward: canonical, content, ...(audio.length > 0 && { audio }) }
  }
  if ('raw' in kind && canBeStreamed(request, route)) {
    const body = openRawBody(request, kind.raw, limits)
    if ('refusal' in body) return body
    const content = { ...values, bytes: body.stream.length }
    return { bytes: new Uint8Array(), forward: body, content }
  }
  const body =
    'raw' in kind
      ? await readRawBody(request, kind.raw, limits)
      : await readAnyBody(request, limits)
  if ('refusal' in body) return body
  const { bytes, contentType } = body
  return {
    bytes,
    type: contentType ?? '',
    forward: body,
    content: { ...values, bytes: bytes.length },
  }
}

/** What an Idempotency-Key is bound to has to be read first, and so has what says no length. */
function canBeStreamed({ headers }: Request, { target }: Route): boolean {
  return (
    target.kind === 'upstream' &&
    /^[1-9]\d{0,14}$/.test(headers.get('content-length') ?? '') &&
    !headers.has('transfer-encoding') &&
    !headers.has('idempotency-key')
  )
}

function jsonCall(
  { bytes, text, json }: JsonBody,
  route: Route,
  values: CallTarget['content'],
): CallBody {
  const when = route.streams?.when
  const streams = when === 'always' || (when !== undefined && meetsCondition(json, when))
  const forUpstream = upstreamText(text, values, route, streams)
  const isRewritten = forUpstream !== text
  // fetch sends a text of ASCII from where it stands. It copies bytes, and other text has to be encoded anew.
  const isAscii = text.length === bytes.length
  const sent = isRewritten || isAscii ? { text: forUpstream } : { bytes }
  return {
    bytes,
    forward: { ...sent, contentType: 'application/json', isRewritten },
    content: { ...values, json, bytes: bytes.length, ...(streams && { streams }) },
  }
}

/** The body for the upstream: the client's own where the route changes nothing in it. */
function upstreamText(
  text: string,
  values: CallTarget['content'],
  { map, streams: rule }: Route,
  streams: boolean,
): string {
  const mapped = map ? mapBody(text, map, values) : text
  return streams && rule?.send ? layOver(mapped, rule.send) : mapped
}
