"""The engine for synchronous callers: the same core, run by trio in a thread of its own.

The thread is the portal. It starts when the first engine is opened, serves all that are open,
and ends with the last. Each open engine lives in one task there, which enters and leaves the
engine's block; each call is a task of the engine's nursery. A caller hands a call over with
`TrioToken.run_sync_soon` and then waits for a lock that the task opens. So Ctrl-C in a waiting
thread gives up that one request and leaves the engine usable.
"""

from trivirt.sync._engine import Engine, SyncEngineContext, open_engine
from trivirt.sync._future import Future, as_completed

__all__ = ["Engine", "Future", "SyncEngineContext", "as_completed", "open_engine"]
