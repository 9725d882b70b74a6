// Prints a token for one of your customers: JWT_SECRET=... node examples/auth/issueToken.mjs <your id of the customer>
import { SignJWT } from 'jose';

const secret = new TextEncoder().encode(process.env.JWT_SECRET);

/** Your backend calls this for whoever is logged in, and hands the token to that person's page. */
const issueToken = (userId) =>
  new SignJWT({ role: 'customer', userId })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('https://login.example.com')
    .setAudience('helpdesk')
    .setExpirationTime('15 minutes')
    .sign(secret);

console.log(await issueToken(process.argv[2]));
