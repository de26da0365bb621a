"""The component, compiled once and run in a fresh store each time."""

import json
import threading

from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Linker

from .imports import add_imports
from .session import Session
from .values import plain

CONTRACT = "connectors:smtp/smtp-connector@0.1.0"
# Enough for any message, because attachments are streamed in chunks.
MEMORY_BYTES = 64 << 20
# A longer run is stopped, unless it waits in an import: imports have their own timeouts.
DEADLINE_SECONDS = 60


class Sandbox:
    def __init__(self, component_file: str) -> None:
        config = Config()
        config.epoch_interruption = True
        # Compiled code is cached in the user's cache folder, because compiling takes seconds.
        config.cache = True
        self.engine = Engine(config)
        self.component = Component.from_file(self.engine, component_file)

    def run(self, request: dict, session: Session) -> dict:
        """Makes the call of a request. Raises only if the component traps."""
        with Linker(self.engine) as linker, Store(self.engine) as store:
            store.set_limits(memory_size=MEMORY_BYTES)
            store.set_epoch_deadline(1)
            # An empty context: no files, no environment, no arguments, no output.
            store.set_wasi(WasiConfig())
            linker.add_wasip2()
            add_imports(linker, session)
            timer = threading.Timer(DEADLINE_SECONDS, self.engine.increment_epoch)
            timer.start()
            try:
                instance = linker.instantiate(store, self.component)
                return Connector(store, instance).call(request)
            finally:
                timer.cancel()


class Connector:
    def __init__(self, store, instance) -> None:
        self.store = store
        self.instance = instance
        self.exports = instance.get_export_index(store, CONTRACT)

    def call(self, request: dict) -> dict:
        values = (
            request.get("action", "send-mail"),
            request.get("input", "{}"),
            request.get("keywords"),
        )
        match request.get("call", "invoke"):
            case "describe":
                return {"manifest": json.loads(self.function("describe")(self.store))}
            case "validate":
                return {"findings": plain(self.function("validate")(self.store, *values))}
            case "invoke":
                return self.outcome(self.function("invoke")(self.store, *values))
            case other:
                raise ValueError(f"there is no call {other!r}: invoke, validate and describe are")

    def function(self, name: str):
        index = self.instance.get_export_index(self.store, name, self.exports)
        return self.instance.get_func(self.store, index)

    @staticmethod
    def outcome(returned) -> dict:
        # result<string, variant { invalid(list), failed(record) }>: the bindings leave the tags out if the type of the
        # value identifies the case.
        if isinstance(returned, str):
            return {"result": json.loads(returned)}
        return {"invalid" if isinstance(returned, list) else "failed": plain(returned)}
