export interface Session {
  readonly accountId: string
  readonly csrfToken: string
}
export async function openApi(): Promise<Session | null> {
  const response = await fetch('/portal/session')
  return response.ok ? (await response.json()).session : null
}
