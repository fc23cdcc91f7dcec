/** Takes the body of a call, or refuses it. */
import type { InvalidField } from '../../config/json-schema.ts'
import { type BodyFault, type BodyLimits, readBody } from '../../lib/http-body.ts'
import { detailOf, type Refusal } from '../../problems/refusal.ts'

/** Why a body is not taken; `errors` say what is wrong and where. */
interface BodyRefusal {
  readonly status: 400 | 408 | 413 | 415 | 503
  readonly errors: readonly InvalidField[]
}

export interface Refused {
  readonly refusal: BodyRefusal
}

export function refuse(status: BodyRefusal['status'], detail: string, pointer = ''): Refused {
  return { refusal: { status, errors: [{ pointer, detail }] } }
}

export const noRoom = refuse(503, 'The gateway is receiving as much as it can hold; try again')

/** The body's bytes as the client sent them, or why they are not taken. */
export async function takeBody(
  request: Request,
  limits: BodyLimits,
): Promise<{ readonly bytes: Uint8Array } | Refused> {
  const body = await readBody(request, limits)
  return typeof body === 'string' ? refusedBody(body, limits) : { bytes: body }
}

/** The refusal of a body that is not taken. */
export function refusedBody(fault: BodyFault, { maxBytes }: Pick<BodyLimits, 'maxBytes'>): Refused {
  switch (fault) {
    case 'encoded':
      return refuse(415, 'A body with a Content-Encoding is not accepted')
    case 'too_large':
      return refuse(413, `The body is larger than ${maxBytes} bytes`)
    case 'too_slow':
      return refuse(408, 'The body did not arrive in time')
    case 'no_room':
      return noRoom
    case 'broke_off':
      return refuse(400, 'The body broke off')
    default:
      return fault satisfies never
  }
}

/** What the client is told of it. */
export function bodyRefusal({ status, errors }: BodyRefusal): Refusal {
  const code = bodyCodes[status]
  return {
    code,
    detail: detailOf(errors),
    extensions: { errors },
    // Nothing else ends a body that is still on its way.
    ...(status === 408 && { headers: { Connection: 'close' } }),
    ...(status === 503 && { headers: { 'Retry-After': '1' } }),
  }
}

const bodyCodes = {
  400: 'invalid_request',
  408: 'body_too_slow',
  413: 'body_too_large',
  415: 'unsupported_media_type',
  503: 'bodies_too_large',
} as const
