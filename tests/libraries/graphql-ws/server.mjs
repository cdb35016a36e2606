import { GraphQLInt, GraphQLObjectType, GraphQLSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { serve } from "../server.mjs";

const echo = { type: GraphQLInt, args: { n: { type: GraphQLInt } }, resolve: (_, { n }) => n };
const ticks = {
  type: GraphQLInt,
  async *subscribe() {
    for (let ticks = 0; ; ticks += 1) {
      yield { ticks };
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
};
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: "Query", fields: { echo } }),
  subscription: new GraphQLObjectType({ name: "Subscription", fields: { ticks } }),
});

export const start = () =>
  serve((http) => {
    const server = new WebSocketServer({ server: http });
    const { dispose } = useServer({ schema }, server);
    return { open: () => server.clients.size, stop: dispose };
  });
