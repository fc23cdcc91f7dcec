/** The providers whose APIs routes can stand in for, by the name that a route says. */
import { anthropic } from './anthropic.ts'
import { gemini } from './gemini.ts'
import { openai } from './openai.ts'
import type { Provider } from './provider.ts'

export const providers = { openai, anthropic, gemini } satisfies Record<string, Provider>

export type ProviderName = keyof typeof providers
