# A price each second as server-sent events, with replay.
import asyncio
import json
import random
import time
from collections import deque
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

PAGES = ["http://localhost:8080"]  # the origins whose pages may read this
EPOCH = f"{time.time_ns():x}"  # ids must not come again after a restart
log: deque[tuple[int, str]] = deque(maxlen=1_000)  # for clients that come back
count = 0
news = asyncio.Condition()


async def publish():
    global count
    price = 100.0
    while True:
        await asyncio.sleep(1)
        price *= 1 + (random.random() - 0.5) / 50
        log.append((count, json.dumps({"type": "price", "symbol": "ACME", "price": round(price, 2)})))
        count += 1
        async with news:
            news.notify_all()


async def stream(last: str | None):
    """What follows the last id, then everything new."""
    at = count
    if last:  # begin with the message of that very id; -1: it is unknown
        at = next((number for number, _ in log if f"{EPOCH}-{number}" == last), -1)
    while True:
        oldest = log[0][0] if log else count
        if at < oldest:  # the id is unknown or too old, or the client reads too slowly: say so
            yield ServerSentEvent('{"type":"gap"}')
            at = oldest
        for number, data in list(log):
            if number >= at:
                yield ServerSentEvent(data, id=f"{EPOCH}-{number}")
                at = number + 1
        async with news:
            await news.wait_for(lambda: count > at)


@asynccontextmanager
async def lifespan(_app):
    task = asyncio.create_task(publish())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/live")
async def live(request: Request, lastEventId: str | None = None):
    origin = request.headers.get("origin")
    if origin and origin not in PAGES:
        return Response(status_code=403)
    headers = {"access-control-allow-origin": origin, "vary": "origin"} if origin else {}
    # It sends a comment every 15 s by itself, for the client's heartbeat.
    return EventSourceResponse(stream(request.headers.get("last-event-id") or lastEventId), headers=headers)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=8081)  # "0.0.0.0" would let in the whole network
