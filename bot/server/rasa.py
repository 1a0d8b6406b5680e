"""Rasa's server, as `rasa run` starts it, with our agent and without TensorFlow: `python -m bot.server.rasa run`.

It takes those of the arguments of `rasa run` that the bot uses. Only the channel of credentials.yml is open.
"""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence

from bot.server.without_tensorflow import leave_out_tensorflow

leave_out_tensorflow()  # before the first import of Rasa

from rasa.core.channels.channel import register  # noqa: E402
from rasa.core.utils import AvailableEndpoints  # noqa: E402
from rasa.shared.exceptions import RasaException  # noqa: E402
from rasa.shared.utils.io import read_config_file  # noqa: E402
from rasa.utils.common import configure_logging_and_warnings  # noqa: E402
from rasa.utils.log_utils import configure_structlog  # noqa: E402
from sanic import Sanic  # noqa: E402

from bot.server.agent import LeanAgent, load_agent  # noqa: E402
from bot.server.rest_channel import QuietRestInput  # noqa: E402

logger = logging.getLogger(__name__)

LOG_LEVEL = logging.INFO  # at most: Rasa's debug lines hold the visitor's words
WAITING = 100  # connections that wait to be taken


def main(arguments: Sequence[str]) -> None:
    """Serve until told to stop. Raises RasaException where the model or the endpoints can't be used."""
    settings = parse(arguments)
    configure_logging_and_warnings(LOG_LEVEL, warn_only_once=True, filter_repeated_logs=True)
    configure_structlog(LOG_LEVEL)
    app = create_app(
        load_agent(settings.model, AvailableEndpoints.read_endpoints(settings.endpoints)), settings.credentials
    )
    app.run(host=settings.interface, port=settings.port, backlog=WAITING, access_log=False)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the settings in the arguments. Exits with a line that says what is wrong with them."""
    parser = argparse.ArgumentParser(prog="python -m bot.server.rasa", description="Rasa's server for this bot.")
    parser.add_argument("command", choices=["run"])
    for name, default in (("model", None), ("endpoints", "endpoints.yml"), ("credentials", "credentials.yml")):
        parser.add_argument(f"--{name}", required=default is None, default=default)
    parser.add_argument("--interface", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5005)
    return parser.parse_args(arguments)


def create_app(agent: LeanAgent, credentials: str) -> Sanic:
    """Return the application with the channel of the credentials before the agent."""
    app = Sanic("rasa", configure_logging=False)
    app.ctx.agent = agent
    register([QuietRestInput.from_credentials(read_config_file(credentials))], app, route="/webhooks/")

    async def started(app: Sanic, loop: asyncio.AbstractEventLoop) -> None:
        logger.info("Rasa server is up and running.")

    async def close(app: Sanic, loop: asyncio.AbstractEventLoop) -> None:
        await agent.close()

    app.register_listener(started, "after_server_start")
    app.register_listener(close, "after_server_stop")
    return app


if __name__ == "__main__":
    sys.path.insert(1, os.getcwd())  # where the components of config.yml are found
    try:
        main(sys.argv[1:])
    except RasaException as reason:
        sys.exit(f"Rasa was not started: {reason}")
