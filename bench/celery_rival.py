"""Celery with twilio's sync SDK, as its users write it. `python -m bench.celery_rival COUNT` queues so many texts."""

import os
import sys
from typing import Any

from celery import Celery  # type: ignore[import-untyped]

from bench.bare import client
from bench.texts import text

app = Celery("bench", broker=os.environ.get("BENCH_BROKER", ""))
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
provider = client(os.environ.get("BENCH_PROVIDER", ""))


@app.task(name="send")
def send(**fields: Any) -> None:
    provider.messages.create(**fields)


if __name__ == "__main__":
    with app.connection_for_write() as connection:
        producer = connection.Producer()
        for number in range(int(sys.argv[1])):
            app.send_task("send", kwargs=text(number), producer=producer)
