/** In a browser: gives the page the official openai client. test/http/openai-browser.test.ts bundles it. */
import OpenAI from 'openai'

Object.assign(globalThis, { OpenAI })
