import { everyNemesisOnce } from './suite.js';

everyNemesisOnce('embedded');
