/** Something in the configuration is wrong. The message is for people: what, where, and what to write instead. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
