"""Python's gql: the schema by introspection, a query, an error, a subscription."""

import asyncio
import os
import secrets
import sys

from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport
from graphql import GraphQLError

SERVER = os.environ["CLEARLEAD_URL"].rstrip("/")
REGISTER = gql("""
mutation Register($input: OrganizationRegisterInput!) {
  organizationRegister(input: $input) { organization { id } session { accessToken } userErrors { message } }
}""")

passed = failed = 0


async def check(name, test):
    global passed, failed
    try:
        await asyncio.wait_for(test, 20)
        passed += 1
    except Exception as error:  # a failed check is counted, whatever failed
        failed += 1
        print(f"FAILED Python gql: {name}: {error!r}")


async def register():
    unique = secrets.token_hex(8)
    owner = {
        "name": f"Conformance {unique}",
        "country": "PT",
        "ownerName": "Conformance",
        "email": f"conformance-{unique}@clearlead.example",
        "password": f"correct horse {unique}",
    }
    async with Client(transport=AIOHTTPTransport(url=f"{SERVER}/graphql")) as session:
        answer = await session.execute(REGISTER, variable_values={"input": owner})
    made = answer["organizationRegister"]
    return made["organization"]["id"], made["session"]["accessToken"]


async def main():
    organization, token = await register()
    http = AIOHTTPTransport(url=f"{SERVER}/graphql", headers={"Authorization": f"Bearer {token}"})

    async with Client(transport=http, fetch_schema_from_transport=True) as session:

        async def query():
            answer = await session.execute(gql("{ server { version } }"))
            assert answer["server"]["version"].count(".") == 2, answer

        async def unknown_field():
            try:
                await session.execute(gql("{ nothingOfThisName }"))
            except GraphQLError:
                return
            raise AssertionError("the fetched schema knows a field that there is not")

        async def schema():
            assert session.client.schema.query_type.name == "Query"

        await check("the schema is fetched", schema())
        await check("a query", query())
        await check("an unknown field, found with the fetched schema", unknown_field())

    async with Client(transport=AIOHTTPTransport(url=f"{SERVER}/graphql")) as session:

        async def refused():
            try:
                await session.execute(gql("{ nothingOfThisName }"))
            except TransportQueryError as error:
                assert error.errors[0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED", error.errors
                return
            raise AssertionError("no error")

        await check("an error of the server", refused())

    # gql looks for the header with the chosen protocol by its exact case, which servers of HTTP/1.1 need not keep, and falls
    # back to the older protocol if that was offered too.
    socket = WebsocketsTransport(
        url=f"{SERVER.replace('http', 'ws', 1)}/graphql/ws",
        init_payload={"authorization": f"Bearer {token}"},
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
    )

    async def subscription():
        async with Client(transport=socket) as session:
            follow = gql("subscription { walletChanged { sequence wallet { organizationId } } }")
            async for update in session.subscribe(follow):
                assert update["walletChanged"]["wallet"]["organizationId"] == organization, update
                return
        raise AssertionError("it ended without a result")

    await check("a subscription over WebSocket", subscription())
    print(f"Python gql: {passed} passed, {failed} failed")
    print(f"TOTAL {passed} {failed}")
    return 0 if failed == 0 else 1


sys.exit(asyncio.run(main()))
