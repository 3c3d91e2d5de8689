import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from './daemon.js';
import { bearerPlugin, prosodyTokens, tokenFolder } from './prosody-tokens.js';
import { startServer, type Place, type RealServer, type Scram, type ServerOptions } from './real-server.js';

/** Prosody 0.12 (Debian 12) on free ports of the loopback: ready in about half a second. */
export function startProsody(options: ServerOptions = {}): Promise<RealServer> {
  const configure = (place: Place) => {
    const { folder } = place;
    const configFile = join(folder, 'prosody.cfg.lua');
    mkdirSync(join(folder, 'plugins'), { recursive: true });
    writeFileSync(join(folder, 'plugins', 'mod_spec.lua'), specPlugin);
    writeFileSync(join(folder, 'plugins', 'mod_auth_certificate.lua'), certificatePlugin);
    writeFileSync(join(folder, 'plugins', 'mod_auth_bearer.lua'), bearerPlugin);
    writeFileSync(configFile, configuration(place));
    return () =>
      startDaemon({
        command: 'prosody',
        args: ['-F', '--config', configFile],
        cwd: folder,
        env: { HOME: folder },
        ready: /^PROSODY-READY$/m,
        // On a port that is taken Prosody runs on, without it.
        broken: /Failed to open server port|error\s+Error (initializing|loading) module|Error.*config/,
      });
  };
  return startServer('prosody', options, configure, prosodyTokens);
}

/** Registers the users, then tells on stdout that every module is loaded and every port is open. */
const specPlugin = `
module:set_global();
local usermanager = require "core.usermanager";
module:hook("server-started", function ()
  for host, users in pairs(module:get_option("spec_users")) do
    for name, password in pairs(users) do
      if not usermanager.user_exists(name, host) then
        assert(usermanager.create_user(name, password, host));
      end
    end
  end
  io.stdout:write("\\nPROSODY-READY\\n"); io.stdout:flush();
end, -1000);
`;

/** EXTERNAL: the account that a client's certificate names by an XmppAddr (XEP-0178). Prosody has it for servers only. */
const certificatePlugin = `
local new_sasl = require "util.sasl".new;
local jid_split = require "util.jid".split;
local provider = {};
function provider.user_exists() return true; end
function provider.create_user() return true; end
function provider.get_sasl_handler(session)
  return new_sasl(module.host, { external = function ()
    local socket = session.conn:socket();
    local certificate = socket:getpeercertificate();
    if not certificate or not socket:getpeerverification() then return nil, nil; end
    local names = (certificate:extensions()["2.5.29.17"] or {})["1.3.6.1.5.5.7.8.5"] or {};
    for _, name in ipairs(names) do
      local user, host = jid_split(name);
      if host == module.host then return user, true; end
    end
    return nil, nil;
  end });
end
module:provides("auth", provider);
`;

/** Who may come in, and how passwords are stored. */
function authentication({ external, oauth }: Place['options'], scram: Scram = 'SHA-1'): string {
  if (scram === 'SHA-512') throw new Error('Prosody 0.12 stores passwords for SCRAM-SHA-1 or SCRAM-SHA-256');
  const passwords = scram === 'plain' ? 'internal_plain' : 'internal_hashed';
  // The module that knows, without its `auth_`.
  const module = external ? 'certificate' : oauth ? 'bearer' : passwords;
  return `authentication = ${lua(module)}; password_hash = ${lua(scram === 'SHA-256' ? scram : 'SHA-1')}`;
}

/** A Lua string of any bytes. */
const lua = (text: string) =>
  `"${[...Buffer.from(text)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`;

function configuration({
  folder,
  ports,
  certificate,
  caFile,
  options,
  anonymousDomain,
  conferenceDomain,
}: Place): string {
  const { tls } = options;
  const ssl = `{ certificate = ${lua(certificate.certificateFile)}, key = ${lua(certificate.keyFile)}${options.external ? `, cafile = ${lua(caFile)}, verify = { "peer" }` : ''} }`;
  const table = (entries: readonly (readonly [string, string])[]) =>
    `{ ${entries.map(([key, value]) => `[${lua(key)}] = ${value}`).join(', ')} }`;
  const users = Object.entries({ [options.domain]: options, ...options.hosts }).map(
    ([domain, host]) =>
      [domain, table(Object.entries(host.users).map(([name, password]) => [name, lua(password)]))] as const,
  );
  const hosts = Object.entries(options.hosts).map(([domain, { scram, config = '' }]) =>
    [`VirtualHost ${lua(domain)}`, authentication(options, scram), config].join('\n  '),
  );
  return `
data_path = ${lua(join(folder, 'data'))}
pidfile = ${lua(join(folder, 'prosody.pid'))}
plugin_paths = { ${lua(join(folder, 'plugins'))} }
-- Empty: Prosody shows a certificate found there only to those who ask for a name in it.
certificates = ${lua(join(folder, 'plugins'))}
certificate = ${lua(certificate.certificateFile)}
run_as_root = true
interfaces = { "127.0.0.1" }
local_interfaces = { "127.0.0.1" }

modules_enabled = {
  "posix", "roster", "saslauth", ${tls === 'absent' ? '' : '"tls",'} "disco", "ping", "version", "time",
  "smacks", "carbons", "csi_simple", "mam", "pep", "private", "vcard4", "vcard_legacy",
  "blocklist", "bookmarks", "register", "bosh", "websocket", "spec",
}
modules_disabled = { "s2s", "dialback" }

c2s_ports = { ${ports.c2s} }
c2s_direct_tls_ports = { ${ports.tls} }
http_ports = { ${ports.http} }
https_ports = { ${ports.https} }
s2s_ports = {}
http_host = ${lua(options.domain)}
ssl = ${ssl}
https_ssl = ${ssl}
c2s_direct_tls_ssl = ${ssl}

c2s_require_encryption = ${tls === 'required'}
consider_websocket_secure = true
consider_bosh_secure = true
smacks_hibernation_time = 60
default_archive_policy = true
storage = "internal"
${authentication(options)}
allow_registration = true
log = { { levels = { min = "info" }, to = "console" } }
spec_tokens = ${lua(tokenFolder({ folder }))}
spec_users = ${table(users)}
${options.config}

VirtualHost ${lua(options.domain)}
VirtualHost ${lua(anonymousDomain)}
  authentication = "anonymous"
${hosts.join('\n')}
Component ${lua(conferenceDomain)} "muc"
  modules_enabled = { "muc_mam" }
  muc_room_default_persistent = false
`;
}
