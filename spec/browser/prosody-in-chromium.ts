import { describeWith } from '../support/needs.js';
import { chatsOn } from './support/chats-on.js';

describeWith('chromium', () => describeWith('prosody', () => chatsOn('prosody')));
