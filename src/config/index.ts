export { type Config, type ConfigInput, loadConfig } from './config.js';
export { describeConfig, maskConfig, type SettingDescription, type ShownSetting } from './describe.js';
export { ConfigError } from './errors.js';
export type { CoordinationTarget, LogTarget } from './targets.js';
export { readTopicFiles, type TopicFile } from './topic-files.js';
