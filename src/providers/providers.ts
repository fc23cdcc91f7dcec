/** The providers whose APIs routes can stand in for, by the name that a route says. */
import { openai } from './openai.ts'
import type { Provider } from './provider.ts'

export const providers = { openai } satisfies Record<string, Provider>

export type ProviderName = keyof typeof providers
