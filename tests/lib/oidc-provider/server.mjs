/*
 * An authorization server made of the package oidc-provider, as the file that
 * the command line names configures it: lib/oidc_provider.py writes that.
 *
 * It prints a line for each request for tokens: "granted" or "refused", the
 * grant type, the client, and the error.
 */
import fs from 'node:fs';
import https from 'node:https';

const settings = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const { default: Provider } = await import(
    `${settings.modules}/oidc-provider/lib/index.js`);

const life = (ctx, token, client) => settings.lives[client.clientId];

const provider = new Provider(settings.issuer, {
    clients: settings.clients,
    cookies: { keys: [settings.cookie_key] },
    scopes: ['offline_access', settings.scope],
    /* A login gives a refresh token, also without the scope "openid". */
    issueRefreshToken: (ctx, client) =>
        client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    /* For Dovecot: whose mailbox it is. */
    extraTokenClaims: (ctx, token) => ({
        username: token.accountId ?? settings.mailbox }),
    ttl: { AccessToken: life, ClientCredentials: life,
           RefreshToken: 86400, Grant: 86400, Session: 86400,
           Interaction: 600, DeviceCode: 600, AuthorizationCode: 60 },
    features: {
        clientCredentials: { enabled: true },
        deviceFlow: { enabled: true },
        devInteractions: { enabled: true },
        introspection: { enabled: true },
        revocation: { enabled: true },
    },
});

/* Without it clients wait for five seconds (RFC 8628 section 3.2). */
provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === 'device_authorization' && ctx.status === 200)
        ctx.body.interval = 1;
});

const print = (word, ctx, error) => console.log(
    word, ctx.oidc.params?.grant_type, ctx.oidc.client?.clientId, error);
provider.on('grant.success', (ctx) => print('granted', ctx, ''));
provider.on('grant.error', (ctx, err) => print('refused', ctx,
    `${err.error} ${err.error_detail ?? err.error_description}`));
provider.on('server_error', (ctx, err) => console.log('error', err));

const pem = fs.readFileSync(settings.certificate);
https.createServer({ key: pem, cert: pem }, provider.callback())
    .listen(settings.port, '127.0.0.1');
