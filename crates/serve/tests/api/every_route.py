"""Calls every operation of the document with the client that was generated of it.

every_route.py FOLDER HOST:PORT, where FOLDER holds openapi.json and the package `generated`.
"""

import importlib
import json
import pathlib
import sys

folder, address = pathlib.Path(sys.argv[1]), sys.argv[2]
sys.path.insert(0, str(folder))

from generated import Client  # noqa: E402
from generated.models import LookupQuestion  # noqa: E402

client = Client(base_url=f"http://{address}")


def module(tag, name):
    return importlib.import_module(f"generated.api.{tag}.{name}")


def answer(tag, name, **arguments):
    found = module(tag, name).sync_detailed(client=client, **arguments)
    assert found.status_code == 200 and found.parsed is not None, (name, found)
    return found.parsed


def first_event(tag, name):
    arguments = module(tag, name)._get_kwargs(user=["u1"], min_change=1.0)
    with client.get_httpx_client().stream(**arguments) as stream:
        assert stream.status_code == 200, stream
        return next(stream.iter_lines())


def absence(user):
    found = module("scores", "user").sync_detailed(user, client=client)
    return found.status_code.value, found.parsed.type_


user = answer("scores", "user", user="u50")
assert (user.score, user.rank, user.received.mentions, user.account) == (50.0, 50, 1, None), user
lookup = answer("scores", "lookup", body=LookupQuestion(users=["u3", "u0", "nobody"]))
assert [one.user for one in lookup.found] == ["u3"], lookup
assert [one.reason.value for one in lookup.missing] == ["opted-out", "not-rated"], lookup
page = answer("ranking", "ranking", limit=2, min_score=10.0)
assert [one.user for one in page.users] == ["u99", "u98"], page
page = answer("ranking", "ranking", limit=2, min_score=10.0, cursor=page.next_cursor)
assert [one.user for one in page.users] == ["u97", "u96"], page
page = answer("ranking", "ranking", network="bluesky")
assert (page.users, page.total) == ([], 0), page
people = answer("people", "people", limit=2)
assert [one.person for one in people.people] == ["u99", "u98"] and people.total == 99, people
refused = module("people", "export").sync_detailed("u50", client=client)
assert refused.status_code.value == 403, refused
found = {
    "user": user,
    "people": people,
    "person": answer("people", "person", person="u50").accounts[0].share == 100.0,
    "person_history": answer("people", "person_history", person="u50").person == "u50",
    "export": refused,
    "lookup": lookup,
    "ranking": page.total == 0,
    "networks": answer("ranking", "networks").others == 99,
    "facets": answer("ranking", "facets").languages == [],
    "history": answer("scores", "history", user="u50").deltas.month == 40.0,
    "circle": answer("scores", "circle", user="u50").by == "month",
    "movement": answer("scores", "movement", user="u50", from_="2023-10-10").change == 40.0,
    "movers": answer("ranking", "movers", span="month").up[0].person.user == "u50",
    "people_movers": answer("people", "people_movers", span="month").up[0].person.person == "u50",
    "around": [one.user for one in answer("ranking", "around", user="u50", limit=1).users] == ["u51", "u50", "u49"],
    "search": answer("ranking", "search", prefix="u9", limit=3).users[0].user == "u99"
    and answer("ranking", "search", contains="9", limit=2).users[1].user == "u98",
    "distribution": answer("ranking", "distribution").total == 99,
    "changes": first_event("scores", "changes").startswith(":"),
    "status": answer("operation", "status").view.ready,
    "metrics": "clout_view_users 99" in answer("operation", "metrics"),
    "live": answer("operation", "live") == "live\n",
    "ready": answer("operation", "ready") == "ready\n",
    "document": answer("operation", "document"),
}
assert all(found.values()), found
assert absence("nobody") == (404, "urn:clout:not-rated")
assert absence("u0") == (410, "urn:clout:opted-out")

document = json.loads((folder / "openapi.json").read_text())
operations = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
assert sorted(operations) == sorted(found), set(operations) ^ set(found)
