"""One stay on an IRC server: log in without an account, join channels, hand on what is said there, until it is over."""

import asyncio
import random
from collections.abc import Callable

from fastnlp_jobs.errors import Refused
from fastnlp_jobs.sources.twitch.channels import Channels
from fastnlp_jobs.sources.twitch.chat import channel_of
from fastnlp_jobs.sources.twitch.config import TwitchConfig
from fastnlp_jobs.sources.twitch.irc import Connection, JoinPace, Patience, shown
from fastnlp_jobs.sources.twitch.messages import Message

RECONNECT = "the server asked to reconnect"
STOPPED = "stopped"
_CAPABILITIES = "twitch.tv/tags twitch.tv/commands"
# Erroneous nickname, wrong password, banned.
_LOGIN_REFUSED = {"432", "464", "465"}
# No such channel, too many channels, channel full, by invitation, banned, with key, bad name, for registered users.
_JOIN_REFUSED = {"403", "405", "471", "473", "474", "475", "476", "477"}
_CHANNEL_REFUSED = {"msg_banned", "msg_channel_suspended", "msg_room_not_found", "tos_ban"}  # NOTICE, tag msg-id


class Session:
    """Reads the wanted channels over one connection."""

    def __init__(
        self, config: TwitchConfig, patience: Patience, channels: Channels, heard: Callable[[Message], None]
    ) -> None:
        """`heard` gets every message of a wanted channel."""
        self._config = config
        self._patience = patience
        self._channels = channels
        self._heard = heard
        self._nick = _anonymous()
        self._said: str | None = None  # with ERROR, before the server closes
        self._connection: Connection
        loop = asyncio.get_running_loop()
        self._welcome: asyncio.Future[str] = loop.create_future()  # the nick we have
        self._over: asyncio.Future[str] = loop.create_future()  # why

    def end(self, why: str) -> None:
        """Let `run` return."""
        if not self._over.done():
            self._over.set_result(why)

    def resume(self) -> None:
        """Read on, if reading was paused because too much was waiting."""
        self._connection.resume()

    async def run(self, connection: Connection, pace: JoinPace) -> str:
        """Stay until the connection is lost, the server asks to reconnect, or `end` is called.

        Returns:
            Why it is over.

        Raises:
            Refused: the server lets nobody in without an account, or into none of the channels.
        """
        self._connection = connection
        connection.lost.add_done_callback(lambda lost: self.end(self._said or lost.result()))
        watching = asyncio.create_task(connection.watch(self._patience.silence_s))
        try:
            await self._register()
            await self._join(pace)
            why = await self._over
            if why in (RECONNECT, STOPPED):
                await connection.say_goodbye()
            return why
        finally:
            connection.drop("closed by us")
            await watching

    def on_message(self, message: Message) -> None:
        """Follow what the server says about this stay; hand on the rest."""
        params = message.params
        match message.command:
            case "001" if not self._welcome.done():
                self._nick = params[0] if params else self._nick
                self._welcome.set_result(self._nick)
            case "433" if not self._welcome.done():  # somebody has this nick
                self._nick = _anonymous()
                self._connection.send(f"NICK {self._nick}")
            case "JOIN" if message.nick.lower() == self._nick.lower():
                self._channels.opened(channel_of(message))
            case "KICK" if len(params) > 1 and params[1].lower() == self._nick.lower():
                self._refuse(channel_of(message), "kicked")
            case "NOTICE":
                self._notice(message)
            case "RECONNECT":
                self.end(RECONNECT)
            case "ERROR":
                self._said = f"the server said: {shown(params[-1] if params else '')}"
            case command if command in _LOGIN_REFUSED:
                self._refuse_login(params[-1] if params else command)
            case command if command in _JOIN_REFUSED and len(params) > 1:
                self._refuse(params[1].removeprefix("#").lower(), shown(params[-1]))
            case _ if channel_of(message) in self._channels.wanted:
                self._heard(message)

    async def _register(self) -> None:
        """Log in as a guest, whose nick Twitch knows by its form."""
        for line in (f"CAP REQ :{_CAPABILITIES}", f"NICK {self._nick}", f"USER {self._nick} 0 * :guest", "CAP END"):
            self._connection.send(line)
        await asyncio.wait(
            [self._welcome, self._over], timeout=self._patience.connect_s, return_when=asyncio.FIRST_COMPLETED
        )
        if not self._welcome.done():
            self.end(f"no welcome within {self._patience.connect_s:g} s")

    async def _join(self, pace: JoinPace) -> None:
        now = asyncio.get_running_loop().time
        for channel in self._channels.wanted:
            await asyncio.wait([self._over], timeout=pace.wait_s(now()))
            if self._over.done():
                return
            pace.sent(now())
            self._connection.send(f"JOIN #{channel}")

    def _notice(self, message: Message) -> None:
        text = message.params[-1] if message.params else ""
        if not self._welcome.done() and ("auth" in text.lower() or "login" in text.lower()):
            self._refuse_login(text)
        elif message.tags.get("msg-id") in _CHANNEL_REFUSED:
            self._refuse(channel_of(message), shown(text))

    def _refuse(self, channel: str, why: str) -> None:
        self._channels.refuse(channel, why)
        if not self._channels.wanted:
            refused = "; ".join(f"#{name}: {reason}" for name, reason in self._channels.refused.items())
            self._fail(f"{self._config.server} lets nobody into the channels: {refused}")

    def _refuse_login(self, why: str) -> None:
        self._fail(f"{self._config.server} lets nobody in without an account: {shown(why)}")

    def _fail(self, why: str) -> None:
        if not self._over.done():
            self._over.set_exception(Refused(why))


def _anonymous() -> str:
    """A nick that Twitch takes for a guest."""
    return f"justinfan{random.randint(10_000, 999_999)}"
