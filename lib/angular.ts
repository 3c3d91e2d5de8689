export { provideXmpp, type XmppSource } from './angular/provide-xmpp.js';
export { injectXmpp, injectXmppStatus } from './angular/inject-xmpp.js';
export { withConnectOnStart, withZone, type XmppFeature } from './angular/features.js';
export { Xmpp } from './angular/xmpp.js';
