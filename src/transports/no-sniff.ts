/** On every answer: a browser must not take an event, an error or a text for a page, whatever they hold. */
export const noSniff = { 'x-content-type-options': 'nosniff' } as const;
