"""What next best action is compared with: FastAPI's plain handler with one Redis GET, served as the product is.

python -m bench.bare_api --port 8081 --redis redis://127.0.0.1:6379/0 --partitions 24
"""

from __future__ import annotations

import argparse
import asyncio

import redis.asyncio as redis
from fastapi import FastAPI

from cem.api import listen, serve
from cem.settings import Settings
from cem.stores.keys import CUSTOMER, LaneKeys
from cem.streams.partition import lane_of

__all__ = ["create_app", "main"]


def create_app(url: str, partitions: int) -> FastAPI:
    """Return the application: one route that reads one customer's state and says how large it is."""
    app = FastAPI()
    client = redis.Redis.from_url(url)
    lanes = [LaneKeys(lane, partitions) for lane in range(partitions)]

    @app.get("/v1/customers/{customer_id}/size")
    async def size(customer_id: str) -> dict[str, int | str]:
        """Return the size of the customer's state."""
        data = await client.get(lanes[lane_of(customer_id, partitions)].of(CUSTOMER + customer_id))
        return {"customer_id": customer_id, "bytes": len(data)}

    return app


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--redis", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    asked = parser.parse_args()
    settings = Settings.from_env({}, api_port=asked.port)
    asyncio.run(serve(create_app(asked.redis, asked.partitions), settings, listen(settings)))


if __name__ == "__main__":
    main()
