"""The simulated engine: one value that answers requests, and knows no network.

`handle` is synchronous and complete: what it returns depends on the store, the clock and the
sign-on, nothing else. Connections, in memory or over TCP, call it once for each request.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import trio
import trio.lowlevel

from trivirt import errors
from trivirt.simulator._clock import EPOCH, Clock, epoch_of
from trivirt.simulator._connection import Connection, ConnectionSettings
from trivirt.simulator._durations import Durations
from trivirt.simulator._faults import Faults
from trivirt.simulator._front import (
    API,
    ENCODED,
    Answer,
    Asked,
    Body,
    Front,
    HeaderFacts,
    compressed,
    split_target,
)
from trivirt.simulator._held import Held
from trivirt.simulator._newer import made_newer
from trivirt.simulator._pages import apache_page, container_page, empty
from trivirt.simulator._replay import Recording
from trivirt.simulator._sign_on import SignOn
from trivirt.simulator._statistics import Statistics
from trivirt.simulator.behaviours.transfers import Tickets
from trivirt.wire._messages import Headers, Request, Response

if TYPE_CHECKING:
    from trivirt.simulator._dispatch import Dispatcher
    from trivirt.simulator._imageio import Daemon
    from trivirt.simulator._network import InProcessBackend
    from trivirt.simulator._script import Script
    from trivirt.simulator._store import Store
    from trivirt.simulator._transport import Transport

HEALTH = "/ovirt-engine/services/health"
CERTIFICATE = "/ovirt-engine/services/pki-resource"

SEEDS = ("", "examples")
RENDERED = 10_000  # VMs up to which all are rendered before somebody asks
PHASES = ("up", "stopped", "starting", "deploying")


@dataclass(frozen=True)
class InProcess:
    """Where an engine in this process is found: give these to `trivirt.open_engine`."""

    url: str
    username: str
    password: str
    network_backend: InProcessBackend


class SimulatedEngine:
    """An oVirt engine that is not there.

    With a `recording` it replays that file, or one `source` in it; with the seed "examples" it
    has what the published examples of the SDK ask for by name; otherwise it holds a data center
    of `vms` virtual machines, which is the same for the same number as `seed`, or as
    `seed_number` beside a seed with a name. `latency` and
    `service_time` are in seconds: the round trip of the network, and what one request occupies
    its connection with.

    `connection` holds the settings of the front end, `plain_removals` makes removals answer
    without a body, as some resources of engines do, `faults` what shall go wrong, `clock` the
    engine's time, `durations` how long states last in it, `statistics` what was asked. `date` is
    its date when it begins, `now` or in ISO 8601; some day in 2024 if not given, so that equal
    seeds give equal documents.
    `session_limit` is how many seconds of the engine's time a token may go unused.
    `remote_user_header` is where a trusted front end says whom it has let in; see `SignOn`.
    """

    def __init__(
        self,
        vms: int = 100,
        *,
        latency: float = 0.0,
        service_time: float = 0.0,
        seed: int | str = 0,
        seed_number: int | None = None,
        recording: str | Path | None = None,
        source: str | None = None,
        state: str | Path | None = None,
        clock: Clock | None = None,
        date: str | None = None,
        username: str = "admin@internal",
        password: str = "simulated",
        session_limit: float = 1800.0,
        remote_user_header: str | None = None,
        keepalive_requests: int | None = 100,
        idle_timeout: float = 5.0,
        chunked: bool = False,
    ) -> None:
        if vms < 0:
            raise errors.UsageError(f"an engine cannot have {vms} VMs")
        for name, seconds in (("latency", latency), ("service time", service_time)):
            if not 0 <= seconds < 3600:
                raise errors.UsageError(f"a {name} of {seconds} s makes no sense")
        if source is not None and recording is None:
            raise errors.UsageError(f"the source {source!r} needs a recording to be found in")
        self._seed_name = seed if isinstance(seed, str) else ""
        if self._seed_name not in SEEDS:
            raise errors.UsageError(f"no seed {seed!r}; there is 'examples', besides numbers")
        if seed_number is not None or isinstance(seed, str):
            seed = seed_number or 0
        self.username = username
        self.password = password
        self.clock = clock or Clock(EPOCH if date is None else epoch_of(date))
        self.statistics = Statistics()
        self.faults = Faults(seed)
        self.connection = ConnectionSettings(
            latency=latency,
            service_time=service_time,
            keepalive_requests=keepalive_requests,
            idle_timeout=idle_timeout,
            chunked=chunked,
        )
        self.sign_on = SignOn(
            self.clock,
            self.statistics,
            {username: password},
            seed=seed,
            idle_limit=session_limit,
            remote_user_header=remote_user_header,
        )
        self.sign_on.log = self._log_sign_on
        self.durations = Durations()
        self.tickets = Tickets()
        self.ca_pem = b""
        self._state = None if state is None else Path(state)
        self._loads = True
        self._phase = "up"
        self._back_at: float | None = None
        self.on_phase: Callable[[], object] = lambda: None  # who listens wants to know
        self._serving: dict[trio.CancelScope, trio.lowlevel.TrioToken] = {}
        self._newer = False
        self.plain_removals = False
        self._front = Front(seed)
        self._vms = vms
        self._seed = seed
        self._recording = None if recording is None else Recording.load(recording, source)
        self._dispatcher: Dispatcher | None = None

    def __repr__(self) -> str:
        what = (
            self._seed_name or f"{self._vms} VMs"
            if self._recording is None
            else repr(self._recording)
        )
        return f"<SimulatedEngine {self._phase}, {what}>"

    @property
    def dispatcher(self) -> Dispatcher:
        """What answers for the resources; made, with its data, on first use."""
        if self._dispatcher is None:
            from trivirt.simulator._dispatch import Dispatcher
            from trivirt.simulator._seed import seeded
            from trivirt.simulator._seed_examples import example_store
            from trivirt.simulator._state import load_state

            if self._seed_name == "examples":
                store = example_store(self.clock, seed=self._seed, username=self.username)
            else:
                store = seeded(self.clock, vms=self._vms, seed=self._seed, username=self.username)
            if self._loads and self._state is not None and self._state.exists():
                load_state(store, self._state)
            self._dispatcher = Dispatcher(store, self.durations, tickets=self.tickets)
        return self._dispatcher

    @property
    def store(self) -> Store:
        """The objects of the engine."""
        return self.dispatcher.store

    @property
    def script(self) -> Script:
        """What shall happen by itself: a VM that crashes, a host that is lost."""
        from trivirt.simulator._script import Script

        return Script(self.dispatcher.world)

    def add_user(self, name: str, password: str) -> str:
        """Let somebody sign on who may do nothing yet; the id of their user."""
        from trivirt.simulator._seed_fixed import add_known_user

        self.sign_on.users[name] = password
        return add_known_user(self.store, name)

    def _log_sign_on(self, code: int, user: str) -> None:
        if self._recording is None:
            from trivirt.simulator._events import log_sign_on

            log_sign_on(self.store, code, user)

    def prepare(self) -> None:
        """Make the data now and not when the first request asks for it."""
        if self._recording is None:
            # What would be made by the first search that looks at it.
            self.store.collection("/disks")

    def keep_state(self) -> None:
        """Write the objects to the file that was given as `state`, if one was.

        What was going on is brought to its end first.
        """
        if self._state is not None and self._recording is None:
            from trivirt.simulator._state import save_state

            save_state(self.store, self._state)

    async def warm(self) -> None:
        """Render the long lists little by little, so that the first to ask does not wait."""
        if self._recording is not None or self._vms > RENDERED:
            return
        for number, _ in enumerate(self.dispatcher.render_ahead()):
            if number % 10 == 0:
                await trio.lowlevel.checkpoint()

    # What a test or the control port does to it.

    def reset(self) -> None:
        """Back to the seed: objects, statistics, faults. Tokens stay good; time goes on."""
        if self._dispatcher is not None:
            self._dispatcher.store.empty()
        self._dispatcher = None
        self._loads = False
        self.tickets.known.clear()
        self._phase, self._back_at = "up", None
        self.faults.clear()
        self.statistics.reset()

    def expire_tokens(self) -> None:
        """Every token and session given out so far gets 401 from now on."""
        self.sign_on.forget_all()

    def restart(self) -> None:
        """A restart that is over at once: the objects stay, all tokens are gone."""
        self.expire_tokens()

    def restart_for(self, seconds: float, phase: str = "starting") -> None:
        """A restart that goes on for so long of real time; see `outage` for the phases."""
        self._check_phase(phase)
        self.restart()
        self._phase, self._back_at = phase, monotonic() + seconds
        self._phase_changed()

    def _check_phase(self, phase: str) -> None:
        if phase not in PHASES:
            raise errors.UsageError(f"no phase {phase!r}; there are {', '.join(PHASES)}")

    @property
    def phase(self) -> str:
        """What the restart has come to; "up" when there is none."""
        if self._back_at is not None and monotonic() >= self._back_at:
            self._phase, self._back_at = "up", None
        return self._phase

    @contextlib.contextmanager
    def outage(self, phase: str = "starting") -> Iterator[None]:
        """A restart that takes as long as the block.

        `stopped`: connections are refused, open ones end. `starting`: the web server answers 503
        alone. `deploying`: the engine runs, and has no application yet: 404 with a page for every
        path.
        """
        self._check_phase(phase)
        self.restart()
        self._phase = phase
        self._phase_changed()
        try:
            yield
        finally:
            self._phase = "up"
            self._phase_changed()

    def _phase_changed(self) -> None:
        """Connections end with the web server; whoever serves them may be in another thread."""
        if self._phase == "stopped":
            for scope, token in list(self._serving.items()):
                with contextlib.suppress(trio.RunFinishedError):
                    token.run_sync_soon(scope.cancel)
        self.on_phase()

    @contextlib.contextmanager
    def newer(self) -> Iterator[None]:
        """Answer like an engine of years to come: elements, attributes, states nobody knows."""
        self._newer = True
        try:
            yield
        finally:
            self._newer = False

    @property
    def refuses_connections(self) -> bool:
        """Whether nobody listens."""
        return self.phase == "stopped"

    # Answering.

    def handle(self, request: Request) -> Response:
        """The answer to one request. Header names must be in lower case."""
        target = request.target
        facts = self._front.facts(request.headers)
        if self._phase != "up" and self.phase != "up":
            page = apache_page(503) if self._phase == "starting" else container_page(404)
            return _finish(page, facts)
        if is_api(target):
            return self._handle_api(request, facts)
        return _finish(self._handle_servlet(request, facts), facts)

    def _handle_api(self, request: Request, facts: HeaderFacts) -> Response:
        admitted = self.sign_on.admit(facts.fields)
        if isinstance(admitted, Response):
            self.statistics.count("other", admitted.status)
            return _finish(admitted, facts)
        user, extra = admitted
        if facts.version not in (None, "4"):
            refusal = container_page(400, "Unsupported version")
            self.statistics.count("other", refusal.status)
            return _finish(refusal, facts)
        path, parameters = split_target(request.target)
        mark = facts.correlation_id
        if mark is None:
            mark = self._front.correlation_id(parameters.get("correlation_id"))
        asked = Asked(
            request.method, path, parameters, facts, request.body, user, mark, request.target
        )
        answer = self._answer(asked, request)
        if self.plain_removals and answer.kind == "remove" and answer.status == 200:
            answer = replace(answer, headers=(), body=Body(b""))
        if self._newer and not facts.json:
            answer = replace(answer, body=Body(made_newer(answer.body.plain)))
        self.statistics.count(answer.kind, answer.status)
        headers = (*answer.headers, ("correlation-id", mark), *extra)
        if answer.again is not None:
            now = Response(answer.status, headers, answer.body.plain)
            return Held.until(now, self._later(answer.again, headers[-1 - len(extra) :]))
        if facts.gzip and answer.body.plain:
            return Response(answer.status, headers + ENCODED, answer.body.zipped)
        return Response(answer.status, headers, answer.body.plain)

    def _later(
        self, again: Callable[[], Answer | None], more: Headers
    ) -> Callable[[], Response | None]:
        """What a held answer becomes when its command is over; None before."""

        def ask() -> Response | None:
            self.store.settle()
            answer = again()
            if answer is None:
                return None
            return Response(answer.status, (*answer.headers, *more), answer.body.plain)

        return ask

    def _answer(self, asked: Asked, request: Request) -> Answer:
        if self._recording is None:
            return self.dispatcher.answer(asked)
        return self._recording.answer(request)

    def _handle_servlet(self, request: Request, facts: HeaderFacts) -> Response:
        path = request.target.partition("?")[0]
        if self.sign_on.serves(path):
            return self.sign_on.answer(path, request, facts.fields)
        if path == HEALTH:
            page = b"DB Up!Welcome to Health Status!"
            return Response(200, (("content-type", "text/html;charset=UTF-8"),), page)
        if path == CERTIFICATE and self.ca_pem:
            kind = (("content-type", "application/x-x509-ca-cert"),)
            return Response(200, kind, self.ca_pem)
        if path == "/":
            return empty(302, (("location", "/ovirt-engine/"),))
        if self._recording is not None:
            return self._recording.response(request)
        return apache_page(404)

    # Being connected to.

    def daemon(self) -> Daemon:
        """What moves the bytes of this engine's disks."""
        from trivirt.simulator._imageio import Daemon

        return Daemon(self.tickets, lambda: self.dispatcher.world.images, self.clock.now)

    async def serve_connection(self, transport: Transport) -> None:
        """Serve one accepted connection until it ends."""
        connection = Connection(
            transport, self.handle, self.connection, self.statistics, self.faults, _may_fail
        )
        with trio.CancelScope() as scope:
            self._serving[scope] = trio.lowlevel.current_trio_token()
            try:
                await connection.run()
            finally:
                del self._serving[scope]

    def network_backend(self, nursery: trio.Nursery) -> InProcessBackend:
        """A network on which this engine is the only host; its tasks run in `nursery`."""
        from trivirt.simulator._network import InProcessBackend

        return InProcessBackend(self, nursery)

    @contextlib.asynccontextmanager
    async def in_process(self) -> AsyncIterator[InProcess]:
        """Serve without sockets for as long as the block lasts."""
        async with trio.open_nursery() as nursery:
            backend = self.network_backend(nursery)
            yield InProcess(backend.url, self.username, self.password, backend)
            nursery.cancel_scope.cancel()


def is_api(target: str) -> bool:
    """Whether a request target is below the API's root."""
    path = target.partition("?")[0].partition(";")[0]
    return path == API or path.startswith(API + "/")


def _may_fail(request: Request) -> bool:
    return is_api(request.target)


def _finish(response: Response, facts: HeaderFacts) -> Response:
    return compressed(response) if facts.gzip else response
