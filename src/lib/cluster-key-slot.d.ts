declare module 'cluster-key-slot' {
  /** The slot of a Redis Cluster, from 0 to 16,383, in which a key is. */
  export default function slotOf(key: string): number
}
