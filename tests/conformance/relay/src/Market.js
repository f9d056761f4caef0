import { graphql } from 'relay-runtime';

export const query = graphql`
  query MarketQuery($first: Int!, $after: String) {
    ...MarketListings
  }
`;

export const listings = graphql`
  fragment MarketListings on Query @refetchable(queryName: "MarketListingsQuery") {
    listings(first: $first, after: $after) @connection(key: "Market_listings") {
      edges {
        node {
          id
          state
        }
      }
    }
  }
`;

export const buy = graphql`
  mutation MarketBuyMutation($input: ListingBuyInput!) {
    listingBuy(input: $input) {
      trade {
        id
        state
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`;

export const followed = graphql`
  subscription MarketFollowedSubscription($id: ID!) {
    auctionUpdated(id: $id) {
      sequence
      listing {
        id
        state
      }
    }
  }
`;
