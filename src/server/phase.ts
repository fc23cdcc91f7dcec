/** How far a gateway is on its way to its end. */
export interface Phase {
  /** It says at /ready that it stops, and closes the connection after each response. */
  isStopping: boolean
}
