// Prints a token for a customer: JWT_SECRET=... node examples/auth/issueToken.mjs <your own id of the customer>
import { SignJWT } from 'jose';

const secret = new TextEncoder().encode(process.env.JWT_SECRET);

/** Called by your backend for the user who is logged in; the page receives the token. */
const issueToken = (userId) =>
  new SignJWT({ role: 'customer', userId })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('https://login.example.com')
    .setAudience('helpdesk')
    .setExpirationTime('15 minutes')
    .sign(secret);

console.log(await issueToken(process.argv[2]));
