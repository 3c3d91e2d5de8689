export { xmppClient, type XmppClient } from './client/xmpp-client.js';
export { xmppStream } from './client/xmpp-stream.js';
export { storedSession, type StoredSession } from './client/stored-session.js';
export type { StreamManagementOptions, XmppOptions } from './client/options.js';
export type { XmppClientOptions } from './client/client-options.js';
export type { WhenBusy } from './client/when-busy.js';
export type { XmppStatus } from './client/status.js';
export { clientState, type ClientState } from './extensions/client-state.js';
export {
  cancelRegistration,
  changePassword,
  register,
  type FillIn,
  type RegistrationForm,
  type RegistrationOptions,
} from './extensions/registration.js';
export { dataForm, submitForm, type DataForm, type FormField, type FormValues } from './extensions/data-form.js';
export { backoff, type Backoff, type BackoffConfig } from './client/backoff.js';
export { reconnect, type ReconnectConfig, type Waiting } from './client/reconnect.js';
export { isRetryable } from './client/is-retryable.js';

export { connect } from './stream/connect.js';
export { connectTimeout } from './stream/connect-timeout.js';
export { openStream, type Ahead, type OpenStreamConfig } from './stream/open-stream.js';
export { startTls, type StartTlsConfig } from './stream/start-tls.js';
export { negotiate, type NegotiateConfig, type NegotiatedStream } from './stream/negotiate.js';
export { session, type SessionConfig } from './session/session-operator.js';
export { keepAlive, type KeepAliveConfig, type Probe } from './session/keep-alive.js';
export { whitespace } from './session/whitespace.js';
export { disconnect } from './session/disconnect.js';
export { deadline } from './stream/deadline.js';
export { pipelining, type PipelinedAttempt, type Pipelining } from './stream/pipelining.js';
export { extendableTimeout, type ExtendableTimeoutConfig } from './stream/extendable-timeout.js';
export { scopeMap } from './stream/scope-map.js';
export type { Stage, StageConfig } from './stream/stage-config.js';
export type { XmlStream } from './stream/xml-stream.js';
export type { Secrets } from './stream/secrets.js';
export type { StreamHeader } from './stream/stream-header.js';
export type { ByteCount, IqOptions, Session } from './session/session.js';
export type { Delivery, Undelivered } from './session/delivery.js';
export type { ResumptionState, ResumptionStore } from './session/resumption-store.js';
export type { AckPolicy } from './session/acknowledgements.js';
export { intercept, type InterceptConfig, type Interceptor } from './session/intercept.js';
export type { GateEnds, Gates, Interceptors } from './session/gates.js';
export type { RequestHandler } from './session/request-handlers.js';

export type { Agreed, FeatureContext, Outcome, StreamFeature } from './stream/stream-feature.js';
export { bind, type BindConfig, type OnResourceConflict } from './stream/features/bind.js';
export { enableManagement, resumeSession, type StreamManagementConfig } from './stream/features/stream-management.js';
export type { Enabled, ManagedSession, Resumption } from './stream/management/resumption.js';
export { legacySession } from './stream/features/legacy-session.js';
export { sasl, type SaslConfig } from './stream/features/sasl.js';

export type { Credentials, SaslContext, SaslExchange, SaslMechanism } from './sasl/mechanism.js';
export type { Crypto, HashName } from './crypto/crypto.js';
export { anonymous } from './sasl/anonymous.js';
export { external } from './sasl/external.js';
export { oauthBearer, xOauth2, type TokenSupplier } from './sasl/oauth.js';
export { plain } from './sasl/plain.js';
export { scram, type ScramConfig } from './sasl/scram.js';
export { scramKeyCache, type ScramKeyCache, type ScramKeys } from './sasl/scram-key-cache.js';
export { defaultMechanisms } from './sasl/select-mechanism.js';
export { webCrypto, type WebCryptoApi } from './crypto/web-crypto.js';

export type {
  ChannelBindingType,
  ConnectContext,
  Connection,
  Timeouts,
  TlsPolicy,
  Transport,
} from './transport/transport.js';
export { websocket, type WebSocketConfig } from './transport/websocket/websocket.js';
export type { WebSocketCtor, WebSocketLike } from './transport/websocket/web-socket-like.js';
export type { Fetch, FetchInit, FetchResponse } from './transport/websocket/host-meta.js';
export { DEFAULT_TIMEOUTS } from './transport/timeouts.js';
export type { HeaderAttributes } from './transport/framing.js';

/** The namespaces that rxmpp speaks, under short names. */
export * as NS from './xml/namespaces.js';
export { XmlElement, type XmlAttrs, type XmlNode } from './xml/xml-element.js';
export { xml, type XmlAttrsInit, type XmlContent } from './xml/xml.js';
export { serialize } from './xml/serialize.js';
export { DEFAULT_XML_LIMITS, type XmlLimits } from './xml/xml-limits.js';
export { parseStream, type StreamEvent } from './xml/parse-stream.js';

export { Jid, jid } from './jid/jid.js';
export type { LifecycleEvent, Target, TlsInfo, Trace, TraceEvent } from './trace/lifecycle-event.js';
export * from './errors/index.js';
