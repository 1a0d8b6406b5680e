// A real OpenID Connect provider on loopback for the tests of the desk's single sign-on: node service.mjs PORT BACK.
// Anybody may sign in, with any password: a name is looked up among the people below. The liars get a token that was
// spoilt on its way in the manner their name says.

import { exportJWK, generateKeyPair, decodeJwt, SignJWT, UnsecuredJWT } from 'jose';
import Provider from 'oidc-provider';

const [port, back] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const client = { client_id: 'desk', client_secret: 'a secret for the tests only', redirect_uris: [back] };
const people = {
  mira: { preferred_username: 'Mira K.', roles: ['desk-reader', 'cleaner'] },
  omar: { preferred_username: 'omar', email: 'omar@clinic.example', roles: ['desk-editor'] },
  dana: { preferred_username: 'dana', roles: ['desk-editor'] }, // a name that a local account has too
  guest: { preferred_username: 'guest', roles: ['guest'] },
};

const keys = await generateKeyPair('RS256', { extractable: true });
const other = await generateKeyPair('RS256', { extractable: true });
const jwk = { ...(await exportJWK(keys.privateKey)), kid: 'one', alg: 'RS256', use: 'sig' };
const now = () => Math.floor(Date.now() / 1000);
const signed = (claims, key = keys.privateKey, header = {}) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'one', ...header }).sign(key);
const lies = {
  'lie-signature': (claims) => signed(claims, other.privateKey),
  'lie-none': async (claims) => new UnsecuredJWT(claims).encode(),
  'lie-secret': (claims) => signed(claims, new TextEncoder().encode(client.client_secret), { alg: 'HS256' }),
  'lie-issuer': (claims) => signed({ ...claims, iss: 'https://login.evil.example' }),
  'lie-audience': (claims) => signed({ ...claims, aud: 'another', azp: 'desk' }),
  'lie-nonce': (claims) => signed({ ...claims, nonce: 'of another sign-in' }),
  'lie-old': (claims) => signed({ ...claims, iat: now() - 9000, exp: now() - 8000 }),
  'lie-nobody': ({ sub, ...claims }) => signed(claims),
  'lie-no-token': async () => undefined,
};

const provider = new Provider(issuer, {
  clients: [client],
  jwks: { keys: [jwk] },
  pkce: { required: () => true },
  claims: { openid: ['sub'], profile: ['preferred_username', 'roles'], email: ['email'] },
  // The name decides where the roles stand: in the token itself, or on the person's page alone, as is usual.
  conformIdTokenClaims: process.env.ROLES_IN !== 'token',
  cookies: { keys: ['for the tests only'] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...(people[id] ?? people.omar) }) }),
  async loadExistingGrant({ oidc }) {
    const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid profile email');
    await grant.save();
    return grant;
  },
});
provider.use(async (context, next) => {
  await next();
  const token = context.body?.id_token;
  const lie = token && lies[decodeJwt(token).sub];
  if (lie) context.body = { ...context.body, id_token: await lie(decodeJwt(token)) };
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
