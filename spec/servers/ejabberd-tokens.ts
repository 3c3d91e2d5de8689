import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './real-server.js';
import type { Tokens } from './tokens.js';

/** What the configuration of ejabberd has for it: the commands below, by HTTP (mod_http_api), from the loopback alone. */
export const tokenCommands = `
oauth_access: all
api_permissions:
  tokens:
    from: [mod_http_api]
    who: [{ ip: "127.0.0.0/8" }]
    what: [oauth_issue_token, oauth_revoke_token]
`;

/**
 * The little that ejabberd wants of the library oauth2 to issue a token and to read its scope. Debian's ejabberd only suggests
 * the package (erlang-p1-oauth2). What is looked at is ejabberd's own: the mechanism, where tokens are kept, when they expire.
 */
const standIns = {
  oauth2: `
-module(oauth2).
-export([authorize_password/3, issue_token/2]).
authorize_password({User, Server}, Scope, Context) ->
    {ok, {Resolved, Owner}} = ejabberd_oauth:authenticate_user({User, Server}, Context),
    {ok, {Resolved, {Owner, Scope}}}.
issue_token({Owner, Scope}, Context) ->
    Token = binary:encode_hex(crypto:strong_rand_bytes(16)),
    Grant = [{<<"resource_owner">>, Owner}, {<<"scope">>, Scope}],
    {ok, Stored} = ejabberd_oauth:associate_access_token(Token, Grant, Context),
    {ok, {Stored, {Token, Scope}}}.
`,
  oauth2_response: `
-module(oauth2_response).
-export([access_token/1, scope/1]).
access_token({Token, _}) -> {ok, Token}.
scope({_, Scope}) -> {ok, Scope}.
`,
  oauth2_priv_set: `
-module(oauth2_priv_set).
-export([new/1, is_member/2]).
new(Scope) -> Scope.
is_member(Name, Scope) -> lists:member(Name, Scope).
`,
} as const;

/** Erlang expressions that load what is above where the library is not installed. */
export function loadingOfStandIns(folder: string): string[] {
  const place = join(folder, 'erlang');
  mkdirSync(place, { recursive: true });
  return Object.entries(standIns).map(([module, source]) => {
    const file = join(place, module);
    writeFileSync(`${file}.erl`, source);
    return `(case code:which(${module}) of non_existing -> {ok, ${module}, Binary_${module}} = compile:file("${file}", [binary]), {module, _} = code:load_binary(${module}, "${file}", Binary_${module}); _ -> ok end)`;
  });
}

/** X-OAUTH2 at ejabberd: it issues and checks the tokens by itself (ejabberd_oauth). */
export function ejabberdTokens({ ports, options: { domain } }: Place): Tokens {
  const run = async (command: string, args: object): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${ports.http}/api/${command}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify(args),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${command}: ${response.status} ${text}`);
    return JSON.parse(text);
  };
  return {
    issue: async (user, seconds = 3_600) => {
      const args = { jid: `${user}@${domain}`, ttl: seconds, scopes: 'sasl_auth' };
      return ((await run('oauth_issue_token', args)) as { readonly token: string }).token;
    },
    revoke: async (token) => {
      await run('oauth_revoke_token', { token });
    },
  };
}
