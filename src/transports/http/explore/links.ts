/** Where the parts of a topic are: relative to the server. */
export function topicLinks(name: string, schemaVersion: number | undefined): Record<string, string> {
  const self = topicPath(name);
  return {
    self,
    events: `${self}/events`,
    profile: `${self}/profile`,
    ...(schemaVersion !== undefined && { schema: `${self}/schemas/${schemaVersion}` }),
  };
}

export function topicPath(name: string): string {
  return `/v1/topics/${encodeURIComponent(name)}`;
}

export function subscriberPath(name: string): string {
  return `/v1/subscribers/${encodeURIComponent(name)}`;
}
