export const HELP = `rxmpp: an XMPP client for RxJS, on the command line

Usage:
  rxmpp                       a demonstration on a server of its own; needs nothing else
  rxmpp --jid user@example.org [--to friend@example.org]
                              connects, shows what happens and what arrives, and sends each line of
                              standard input as a chat message
  rxmpp doctor example.org    examines a domain's service: DNS, every server, TLS, what is offered, and
                              what to mend; with a JID and XMPP_PASSWORD it signs in too

Who:
  --jid JID                   the account; a resource in it is asked for
  --anonymous DOMAIN          no account: SASL ANONYMOUS at this domain
  --resource NAME             the resource to ask for; by default the server chooses one
  --to JID                    who gets what is typed
  XMPP_PASSWORD               the password (environment); without it you are asked, on a terminal only

Where (by default as the domain's SRV records say):
  --host HOST                 dial this host; its certificate must still be for the domain
  --port PORT                 dial this port; by default 5222, or 5223 with --direct-tls
  --direct-tls                TLS from the first byte (XEP-0368), in place of STARTTLS

How:
  --ca FILE                   trust the CA certificates in this file (PEM), in place of the usual ones
  --tls POLICY                required (default), preferred or disabled
  --allow-plain               permit the PLAIN mechanism, under TLS only
  --timeout SECONDS           bound of each phase of connecting, by default 10 for most (doctor: 5)
  --dns ADDRESS[:PORT]        doctor only: ask this DNS server

Output:
  --json                      one JSON object a line: trace, status, stanza, delivery, undelivered, error
                              (doctor: diagnosis; the demonstration: scene, check, conclusion too)
  --no-color                  no colours; they are used on a terminal only, and not where NO_COLOR is set
  -h, --help                  this text
  -V, --version               the version

It ends when its input does (Ctrl-D), once what was sent is acknowledged; or on Ctrl-C, which closes the stream in
good order. A second Ctrl-C ends it at once. A connection that is lost after it had worked is made again.

Exit code: 0 after a good end (doctor: clients can connect); 1 for a failure, with one sentence on standard error
(doctor: in its report); 2 for wrong usage; 130 after Ctrl-C without a session, or twice.
`;
