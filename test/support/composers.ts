import { composeServices as composeByApollo } from '@apollo/composition';
import { composeServices as composeByGuild } from '@theguild/federation-composition';
import { parse } from 'graphql';

/** Composers of supergraphs, by package. */
export const composers: readonly (readonly [string, (services: any[]) => any])[] = [
  ['@apollo/composition', composeByApollo],
  ['@theguild/federation-composition', composeByGuild],
];

/** A subgraph as the composers expect it. */
export const serviceOf = (name: string, text: string) => ({
  name,
  url: `http://${name}.example`,
  typeDefs: parse(text),
});
