// A provider of OpenID Connect for tests: people sign in by their name alone. It
// reads how it is to be from its one argument, as JSON, says "ready" when it
// listens, and ends when its standard input does.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const { issuer, port, accounts, clients, idTokenSeconds, claimsInIDToken } = JSON.parse(process.argv[2]);

const provider = new Provider(issuer, {
  clients,
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["preferred_username"], groups: ["groups"] },
  conformIdTokenClaims: !claimsInIDToken,
  cookies: { keys: ["of a test"] },
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  ttl: { IdToken: idTokenSeconds, AccessToken: 600, AuthorizationCode: 60, Grant: 600, Interaction: 600, Session: 600 },
  findAccount: (_, sub) =>
    accounts[sub] && { accountId: sub, claims: async () => ({ sub, ...accounts[sub] }) },
});
createServer(provider.callback()).listen(port, "127.0.0.1", function () {
  console.log("ready", this.address().port);
});
process.stdin.on("end", () => process.exit(0)).resume();
