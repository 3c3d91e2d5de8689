import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from './daemon.js';
import { loadingOfModules } from './ejabberd-modules.js';
import { ejabberdTokens, loadingOfStandIns, tokenCommands } from './ejabberd-tokens.js';
import { startServer, type Place, type RealServer, type Scram, type ServerOptions } from './real-server.js';

/** ejabberd 23.01 (Debian 12) on free ports of the loopback: ready in about two seconds. */
export async function startEjabberd(options: ServerOptions = {}): Promise<RealServer> {
  let logFile = '';
  const fileLog = () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
  const configure = (place: Place) => {
    const { folder } = place;
    const configFile = join(folder, 'ejabberd.yml');
    logFile = join(folder, 'ejabberd.log');
    writeFileSync(configFile, configuration(place));
    return () =>
      startDaemon({
        command: 'erl',
        args: [
          ...['-noinput', '-mnesia', 'dir', `"${join(folder, 'data')}"`],
          // Not ERL_LIBS: Erlang would look into each of the thousand folders and files there, for half a second.
          ...['-pa', modulesOfEjabberd()],
          // Idle schedulers that spin would take the processor from the specs.
          ...['+K', 'true', '+Bd', '+sbwt', 'none', '+sbwtdcpu', 'none', '+sbwtdio', 'none'],
          ...['-eval', loadingOfModules, '-s', 'ejabberd', '-eval', registration(place)],
        ],
        cwd: folder,
        env: {
          HOME: folder,
          EJABBERD_CONFIG_PATH: configFile,
          EJABBERD_LOG_PATH: logFile,
          ERL_CRASH_DUMP: join(folder, 'crash.dump'),
        },
        ready: /^EJABBERD-READY$/m,
        broken: /EJABBERD-BROKEN|Failed to open socket|Stopping ejabberd|Crash dump/,
      }).catch((error: Error) => {
        throw new Error(`${error.message}\n${fileLog().slice(-4000)}`);
      });
  };
  const server = await startServer('ejabberd', options, configure, ejabberdTokens);
  return Object.defineProperty(server, 'log', { value: fileLog });
}

/** Where Debian puts ejabberd's modules depends on the processor's architecture. */
function modulesOfEjabberd(): string {
  const places = readdirSync('/usr/lib').filter((folder) => folder.endsWith('-linux-gnu'));
  const found = places.flatMap((place) => {
    const folder = readdirSync(join('/usr/lib', place)).find((name) => name.startsWith('ejabberd-'));
    return folder ? join('/usr/lib', place, folder, 'ebin') : [];
  });
  if (found[0] === undefined) throw new Error("ejabberd's modules are in no folder of /usr/lib/*-linux-gnu");
  return found[0];
}

/** An Erlang binary of any bytes. */
const binary = (text: string) => `<<${[...Buffer.from(text)].join(',')}>>`;

function registration({ folder, options }: Place): string {
  const hosts = Object.entries({ [options.domain]: options, ...options.hosts });
  const accounts = hosts.flatMap(([domain, { users }]) =>
    Object.entries(users).map(([name, password]) => [name, domain, password] as const),
  );
  const users = accounts.map(([name, domain, password]) => {
    const [user, host] = [binary(name), binary(domain)];
    return `(case ejabberd_auth:user_exists(${user}, ${host}) of true -> ok; false -> ok = ejabberd_auth:try_register(${user}, ${host}, ${binary(password)}) end)`;
  });
  const standIns = options.oauth ? loadingOfStandIns(folder) : [];
  const steps = [...standIns, ...users, 'io:format("~nEJABBERD-READY~n")'].join(', ');
  return `try ${steps} catch _:Reason -> io:format("EJABBERD-BROKEN ~p~n", [Reason]) end.`;
}

/** How passwords are stored. */
const storing = (scram: Scram = 'SHA-1'): string[] =>
  scram === 'plain'
    ? ['auth_password_format: plain']
    : ['auth_password_format: scram', `auth_scram_hash: ${scram.replace('SHA-1', 'sha').replace('SHA-', 'sha')}`];

function configuration({ ports, certificate, caFile, options, anonymousDomain }: Place): string {
  const { tls, external, oauth } = options;
  const verify = external ? `, tls_verify: true, cafile: ${JSON.stringify(caFile)}` : '';
  const startTls = { required: ', starttls_required: true', optional: ', starttls: true', absent: '' }[tls];
  const quoted = JSON.stringify;
  const hosts = Object.entries(options.hosts).map(([domain, host]) =>
    [`  ${quoted(domain)}:`, ...storing(host.scram), host.config ?? ''].join('\n    '),
  );
  return `
loglevel: info
acme: { auto: false }
hosts: [${[options.domain, anonymousDomain, ...Object.keys(options.hosts)].map((host) => quoted(host)).join(', ')}]
certfiles: [${quoted(certificate.bothFile)}]
ca_file: ${quoted(caFile)}
${storing().join('\n')}
disable_sasl_mechanisms: ["digest-md5"${oauth ? '' : ', "X-OAUTH2"'}]
host_config:
  ${quoted(anonymousDomain)}:
    auth_method: [anonymous]
    anonymous_protocol: sasl_anon
${hosts.join('\n')}
acl: { local: { user_regexp: "" } }
access_rules: { local: { allow: local }, c2s: { allow: all }, register: { allow: all } }
shaper_rules: { max_user_sessions: 100, c2s_shaper: none }
listen:
  - { port: ${ports.c2s}, ip: "127.0.0.1", module: ejabberd_c2s, access: c2s${startTls}${verify} }
  - { port: ${ports.tls}, ip: "127.0.0.1", module: ejabberd_c2s, access: c2s, tls: true${verify} }
  - { port: ${ports.http}, ip: "127.0.0.1", module: ejabberd_http, request_handlers: { ${oauth ? '/api: mod_http_api, ' : ''}/xmpp-websocket: ejabberd_http_ws, /http-bind: mod_bosh } }
  - { port: ${ports.https}, ip: "127.0.0.1", module: ejabberd_http, tls: true, request_handlers: { /xmpp-websocket: ejabberd_http_ws, /http-bind: mod_bosh, /.well-known/host-meta: mod_host_meta, /.well-known/host-meta.json: mod_host_meta } }
modules:
  mod_bosh: {}
  mod_blocking: {}
  mod_caps: {}
  mod_carboncopy: {}
  mod_client_state: {}
  mod_disco: {}
  mod_host_meta: { bosh_service_url: "https://@HOST@:${ports.https}/http-bind", websocket_url: "wss://@HOST@:${ports.https}/xmpp-websocket" }
  mod_last: {}
  mod_mam: { default: always }
  mod_muc: { host: "conference.@HOST@", access_create: local }
  mod_offline: {}
  mod_ping: {}
  mod_privacy: {}
  mod_private: {}
  mod_pubsub: { plugins: [flat, pep] }
  mod_register: { access: register, ip_access: all, registration_watchers: [], welcome_message: {} }
  mod_roster: { versioning: true }
  mod_stream_mgmt: { resume_timeout: 60, resend_on_timeout: if_offline }
  mod_vcard: {}
  mod_version: {}
${oauth ? tokenCommands : ''}
${options.config}
`;
}
