/** What an EventSource dispatches. */
export interface DispatchedEvent {
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
}

/** What a page sees of an event stream, by the rules of HTML 9.2.6 on whole bodies: no other shortcut. */
export function dispatched(body: string): {
  events: DispatchedEvent[];
  lastEventId: string;
  retryMs: number | undefined;
} {
  const events: DispatchedEvent[] = [];
  let [lastEventId, idBuffer, type, data] = ['', '', '', ''];
  let retryMs: number | undefined;
  const lines = body.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  // What is not ended by a line end is no line, and what is not ended by an empty line is no event.
  for (const line of lines.slice(0, -1)) {
    if (line === '') {
      lastEventId = idBuffer;
      if (data !== '') events.push({ type: type || 'message', data: data.replace(/\n$/, ''), lastEventId });
      [type, data] = ['', ''];
      continue;
    }
    const colon = line.indexOf(':');
    const [field, value] = colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')];
    if (field === 'event') type = value;
    else if (field === 'data') data += `${value}\n`;
    else if (field === 'id' && !value.includes('\0')) idBuffer = value;
    else if (field === 'retry' && /^\d+$/.test(value)) retryMs = Number(value);
  }
  return { events, lastEventId, retryMs };
}
