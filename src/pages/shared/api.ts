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

  constructor(status: number, detail: string, requestId?: string) {
    super(detail)
    this.status = status
    this.requestId = requestId
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
}

/** @param session absent: before a sign-in */
export function openApi(session?: Session): Api {
  const token = session && { 'x-csrf-token': session.csrfToken }
  return {
    get: (path) => request(path, { headers: { ...token } }),
    send: (method, path, body, headers) =>
      request(path, {
        method,
        headers: { ...token, ...headers, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
      }),
  }
}

async function request<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, init)
  } catch {
    throw new ApiError(0, 'The gateway cannot be reached.')
  }
  const text = await response.text()
  const json = parse(text)
  if (response.ok) return json as T
  const { detail = `The gateway responded with ${response.status}.`, requestId } = json as {
    detail?: string
    requestId?: string
  }
  throw new ApiError(response.status, detail, requestId)
}

function parse(text: string): object {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
