/** What tells clients that Stainless generated whether to send a request again: those of the OpenAI and the Anthropic API. */

/** Told to wait for longer, the clients would try again at once. */
const longestWaitSeconds = 60

export function stainlessRetries(isWorthRetrying: boolean, retryAfterSeconds = 0) {
  return { 'X-Should-Retry': String(isWorthRetrying && retryAfterSeconds <= longestWaitSeconds) }
}
