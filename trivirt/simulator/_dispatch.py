"""Requests of the API over the store: find the place, check the form, do what the method does.

What all services have in common follows from the generated routes: reading (`_reading`), adding,
changing and removing entities of any type (`_changing`). What one type does beyond that
is in the tables of `behaviours`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape

from trivirt.simulator._changing import Changing
from trivirt.simulator._command import Command, World, get
from trivirt.simulator._durations import Durations
from trivirt.simulator._front import API, Answer, Asked, Body
from trivirt.simulator._images import Images
from trivirt.simulator._json import as_json
from trivirt.simulator._pages import JSON, XML, container_page, empty
from trivirt.simulator._permits import Permits
from trivirt.simulator._places import Places
from trivirt.simulator._reading import Answers, Reading
from trivirt.simulator._refusals import NoSuchEntity, Page, Refused
from trivirt.simulator._render import document
from trivirt.simulator._root import link_header, root
from trivirt.simulator._routes import Method
from trivirt.simulator._routing import Place, find_place
from trivirt.simulator._store import Store
from trivirt.simulator.behaviours.devices import viewer_file
from trivirt.simulator.behaviours.transfers import Tickets

VIEWER, VIEWER_FILE = "application/x-virt-viewer", "remote_viewer_connection_file"


class Dispatcher:
    """Answers the requests of one engine."""

    def __init__(
        self,
        store: Store,
        durations: Durations,
        images: Images | None = None,
        tickets: Tickets | None = None,
    ) -> None:
        self.store = store
        self.world = World(
            store, Places(store), durations, images or Images(), tickets or Tickets()
        )
        self._permits = Permits(store)
        self._reading = Reading(self.world, self._permits)
        self._changing = Changing(self.world)
        self._answers = Answers()

    def answer(self, asked: Asked) -> Answer:
        """The answer to an admitted request."""
        self.store.settle()
        answer = self._answered(asked)
        return _in_json(answer) if asked.facts.json else answer

    def _answered(self, asked: Asked) -> Answer:
        if asked.method == "GET" and not self._permits.limited(asked.user):
            kept = self._answers.get(asked)
            if kept is not None:
                return kept
        place = find_place(asked.path)
        if place is None:
            return self._creation(asked) or Answer.of(container_page(404))
        method = place.method("GET" if asked.method == "HEAD" else asked.method)
        kind = method.op if method is not None else "other"
        try:
            return self._answer(asked, place, method)
        except Refused as refused:
            return Answer.of(refused.response(in_action=kind == "action"), kind)
        except NoSuchEntity as missing:
            return Answer.of(missing.response(), kind)
        except Page as page:
            return Answer.of(page.response, kind)

    def render_ahead(self) -> Iterator[None]:
        """Render the VMs, one a step, so that the first to ask for all does not wait for that."""
        for entry in list(self.store.collection("/vms")):
            self._reading.rendered.item(entry, "VmService")
            yield

    def _answer(self, asked: Asked, place: Place, method: Method | None) -> Answer:
        if method is None:
            allow = (("allow", ", ".join(place.allowed())),)
            raise Page(empty(200 if asked.method == "OPTIONS" else 405, allow))
        limited = self._permits.limited(asked.user)
        if not (asked.facts.xml or asked.facts.json):
            if limited or place.name != "VmGraphicsConsoleService" or not _wants_viewer(asked):
                raise Page(empty(406))
            return self._viewer_file(asked, place)
        if method.op in ("list", "get"):
            if limited:
                self._permits.check_see(asked.user, place)
            return self._read(asked, place, method)
        if asked.body and not (asked.facts.sends_xml or asked.facts.sends_json):
            raise Page(empty(415))
        if limited:
            self._permits.check_see(asked.user, place)
            self._permits.check_do(asked.user, place, method)
        changing = self._changing
        work = {"add": changing.add, "update": changing.update, "remove": changing.remove}
        return work.get(method.op, changing.act)(asked, place, method)

    def _viewer_file(self, asked: Asked, place: Place) -> Answer:
        """The one document that is neither XML nor JSON."""
        entry = self.world.places.entry(place.template, place.path)
        text: str = viewer_file(Command(self.world, asked, place, entry))[VIEWER_FILE]
        return Answer(200, (("content-type", VIEWER),), Body(text.encode()), "get")

    def _creation(self, asked: Asked) -> Answer | None:
        """What becomes of something new; what is not known, not even that, is complete."""
        path, above, task = asked.path.partition("/creation_status/")
        place = find_place(path) if above and task and asked.method == "GET" else None
        if place is None or not place.is_item:
            return None
        entry = self.store.find(place.parent, place.ids[-1])
        locked = entry is not None and str(get(entry, "status")) in ("locked", "image_locked")
        href = f"{API}{escape(asked.path)}"
        lines = f'<creation href="{href}" id="{escape(task)}">\n    <status>'
        lines += f"{'in_progress' if locked else 'complete'}</status>\n</creation>\n"
        return Answer(200, XML, Body(document(lines)), "get")

    def _read(self, asked: Asked, place: Place, method: Method) -> Answer:
        if place.template == "":
            whole = not self._permits.limited(asked.user)
            body = Body(root(self.store, self.store.user(asked.user), whole))
            host = asked.facts.fields.get("host", "localhost")
            return Answer(200, (*XML, link_header(host)), body, "get")
        if method.op == "list":
            answer, source = self._reading.read_list(asked, place, method)
        else:
            answer, source = self._reading.read_entity(asked, place)
        if asked.method == "GET" and not self._permits.limited(asked.user):
            self._answers.keep(asked, answer, source)
        return answer


def _wants_viewer(asked: Asked) -> bool:
    kinds = asked.facts.fields.get("accept", "").split(",")
    return asked.method == "GET" and VIEWER in {kind.partition(";")[0].strip() for kind in kinds}


def _in_json(answer: Answer) -> Answer:
    """The same in the form that was asked for, if it is a document at all."""
    if XML[0] not in answer.headers:
        return answer
    headers = tuple(JSON[0] if each == XML[0] else each for each in answer.headers)
    body, again = Body(as_json(answer.body.plain)), answer.again
    later = None if again is None else lambda: (a := again()) and _in_json(a)
    return replace(answer, headers=headers, body=body, again=later)
