import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './real-server.js';
import type { Tokens } from './tokens.js';

/** Where the tokens are: a file each, named after the token, with the user's name and the second of its end. */
export const tokenFolder = ({ folder }: Pick<Place, 'folder'>) => join(folder, 'tokens');

/**
 * OAUTHBEARER (RFC 7628) at Prosody 0.12, which has none of its own. Passwords are taken too, by SCRAM and by PLAIN, so that
 * whoever looks for a way down finds one.
 */
export const bearerPlugin = `
local sasl = require "util.sasl";
local jid_prepped_split = require "util.jid".prepped_split;
local json = require "util.json";
local folder = module:get_option_string("spec_tokens");
local users = module:get_option("spec_users")[module.host] or {};

-- The user of a token; or nil, and whether it was one.
local function user_of(token)
  local file = token:match("^%w+$") and io.open(folder .. "/" .. token);
  if not file then return nil, false; end
  local user, expires = file:read("*l", "*n");
  file:close();
  if expires <= os.time() then return nil, true; end
  return user;
end

sasl.registerMechanism("OAUTHBEARER", { "bearer" }, function (self, message)
  if self.refused then
    -- Section 3.2.3: the client says something without a meaning, and then it has failed.
    if message ~= "\\1" then return "failure", "malformed-request"; end
    return "failure", self.refused;
  end
  local authzid, pairs = (message or ""):match("^n,([^,]*),\\1(.*)\\1$");
  local token = pairs and ("\\1" .. pairs):match("\\1auth=[Bb]earer ([%w%-._~+/]+=*)\\1");
  if not token then return "failure", "malformed-request"; end
  local user, expired = self.profile.bearer(token);
  if not user then
    self.refused = expired and "credentials-expired" or "not-authorized";
    module:log("info", "OAUTHBEARER: %s", self.refused);
    return "challenge", json.encode({ status = "invalid_token", scope = "xmpp" });
  end
  if authzid ~= "" then
    local name = authzid:match("^a=(.+)$");
    local node, host = jid_prepped_split(name and name:gsub("=2C", ","):gsub("=3D", "=") or nil);
    if node ~= user or host ~= self.realm then return "failure", "invalid-authzid"; end
  end
  self.username = user;
  return "success";
end);

module:provides("auth", {
  user_exists = function (name) return users[name] ~= nil; end;
  create_user = function () return nil, "not-allowed"; end;
  get_sasl_handler = function ()
    return sasl.new(module.host, {
      bearer = user_of;
      plain = function (_, name) return users[name] or "", users[name] and true or nil; end;
    });
  end;
});
`;

export function prosodyTokens(place: Place): Tokens {
  const folder = tokenFolder(place);
  mkdirSync(folder, { recursive: true });
  return {
    issue: (user, seconds = 3_600) => {
      const token = randomBytes(16).toString('hex');
      writeFileSync(join(folder, token), `${user}\n${Math.floor(Date.now() / 1_000) + seconds}\n`);
      return Promise.resolve(token);
    },
    revoke: (token) => {
      rmSync(join(folder, token));
      return Promise.resolve();
    },
  };
}
