"""Machines of notebook 09."""

import asyncio

from flexiflow.declarations import on
from flexiflow.lessons.machine import Machine
from flexiflow.state_machine import State


@Machine
def broken_sensor():
    async def ask(device):
        if device == "dead":
            await asyncio.Event().wait()  # it never answers
        return 21.5

    class Idle(State):
        @on("read", to="Reading")
        def read(self, message, sensor):
            pass

    class Reading(State):
        @on("measure", to="Idle")
        async def measure(self, message, sensor):
            sensor.data["value"] = await ask(sensor.data["device"])

    class Broken(State, final=True):
        pass

    return Idle, Reading, Broken


@Machine
def sensor():
    async def ask(device):
        if device == "dead":
            await asyncio.Event().wait()  # it never answers
        return 21.5

    class Idle(State):
        @on("read", to="Reading")
        def read(self, message, sensor):
            pass

    class Reading(State):
        @on("measure", to="Idle", raises={TimeoutError: "Broken"})
        async def measure(self, message, sensor):
            async with asyncio.timeout(0.1):
                sensor.data["value"] = await ask(sensor.data["device"])

    class Broken(State, final=True):
        pass

    return Idle, Reading, Broken
