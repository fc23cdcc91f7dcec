/** A mistake that the user can correct. Its message is all that is printed, and says what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
