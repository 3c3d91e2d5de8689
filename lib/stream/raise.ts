/** Throws. Subscribed with, it has an error told as RxJS tells those of subscribers, and nothing else is harmed. */
export function raise(error: unknown): never {
  throw error;
}
