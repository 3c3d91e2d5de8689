import { describeWith } from '../support/needs.js';
import { chatsOn } from './support/chats-on.js';

describeWith('chromium', () => chatsOn('the embedded server'));
