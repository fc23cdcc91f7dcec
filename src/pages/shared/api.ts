/** The documented API, asked with the session of this browser. */

/** Whose session it is. */
export interface Session {
  readonly subject: string
  readonly organisation?: string
  /** What operators may do; of owners: who only reads. */
  readonly role?: 'admin' | 'support' | 'auditor' | 'reader'
  /** The most credits that support moves at once. */
  readonly bounds?: { readonly maxGrant: number; readonly maxRefund: number }
  readonly csrfToken: string
}

/** A refusal of the API, or no response at all. */
export class ApiError extends Error {
  /** 0: there was no response. */
  readonly status: number
  readonly requestId: string | undefined
  /** What programs match on: `sign_in_too_old`. */
  readonly kind: string | undefined
  /** Each fault of what was sent, with its place. */
  readonly faults: readonly string[]

  constructor(
    status: number,
    detail: string,
    requestId?: string,
    { kind, faults = [] }: { readonly kind?: string; readonly faults?: readonly string[] } = {},
  ) {
    super(detail)
    this.status = status
    this.requestId = requestId
    this.kind = kind
    this.faults = faults
  }
}

export interface Api {
  get<T>(path: string): Promise<T>
  send<T>(
    method: 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
    headers?: Readonly<Record<string, string>>,
  ): Promise<T>
  /** The same of a response that comes line by line, each of JSON. @param signal ends it */
  lines<T>(
    path: string,
    body: object,
    onLine: (line: T) => void,
    signal: AbortSignal,
  ): Promise<void>
}

/** @param session absent: before a sign-in */
export function openApi(session?: Session): Api {
  const token = session && { 'x-csrf-token': session.csrfToken }
  const withBody = (method: string, body?: object, headers?: object): RequestInit => ({
    method,
    headers: { ...token, ...headers, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  return {
    get: (path) => request(path, { headers: { ...token } }),
    send: (method, path, body, headers) => request(path, withBody(method, body, headers)),
    async lines(path, body, onLine, signal) {
      const response = await respond(path, { ...withBody('POST', body), signal })
      if (!response.ok) throw refusalIn(response, parse(await response.text()))
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
      let rest = ''
      for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
        const lines = (rest + read.value).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) onLine(JSON.parse(line))
      }
    },
  }
}

async function request<T>(path: string, init: RequestInit): Promise<T> {
  const response = await respond(path, init)
  const json = parse(await response.text())
  if (response.ok) return json as T
  throw refusalIn(response, json)
}

async function respond(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init)
  } catch {
    throw new ApiError(0, 'The gateway cannot be reached.')
  }
}

function refusalIn({ status }: Response, json: object): ApiError {
  const { detail, requestId, code, errors } = json as {
    detail?: string
    requestId?: string
    code?: string
    errors?: readonly { pointer: string; detail: string }[]
  }
  return new ApiError(status, detail ?? `The gateway responded with ${status}.`, requestId, {
    ...(code !== undefined && { kind: code }),
    faults: errors?.map(({ pointer, detail }) => `${pointer}: ${detail}`) ?? [],
  })
}

function parse(text: string): object {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
