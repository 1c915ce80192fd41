# SPDX-License-Identifier: LGPL-2.1-or-later
# http_message.py: reads HTTP/1.1 messages whole, and writes them out again.
#
# A message is kept as it came: the start line, the headers in their order, and
# the body with its transfer coding still on it, so that what goes on is, byte
# for byte, what was received, but for what the proxy changes on purpose.

import asyncio

HEAD_MAX = 64 << 10
BODY_MAX = 80 << 20
PIECE = 16 << 10


class BadMessage(Exception):
    """Not HTTP/1.1, or larger than the proxy wants to keep."""


class Closed(Exception):
    """The peer closed the connection between two messages."""


class Message:
    def __init__(self, start, headers, body=b""):
        self.start = start      # the first line, without its end
        self.headers = headers  # [(name, value)]
        self.body = body        # as it travels

    def get(self, name, default=None):
        name = name.lower()
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return default

    def without(self, *names):
        """A copy that lacks these headers."""
        names = {name.lower() for name in names}
        return Message(self.start, [(key, value) for key, value in self.headers
                                    if key.lower() not in names], self.body)

    def encode(self):
        lines = [self.start] + [f"{key}: {value}"
                                for key, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body


async def read_head(reader):
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as problem:
        if not problem.partial:
            raise Closed from None
        raise BadMessage("a head that ends early") from None
    except asyncio.LimitOverrunError:
        raise BadMessage("a head that is too long") from None
    lines = head[:-4].decode("latin-1").split("\r\n")
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadMessage(f"a header without a colon: {line[:40]!r}")
        headers.append((name, value.strip()))
    return Message(lines[0], headers)


async def read_chunks(reader):
    """A chunked body, with its coding."""
    parts = []
    total = 0
    while True:
        line = await reader.readuntil(b"\r\n")
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            raise BadMessage("a chunk without a length") from None
        total += size
        if total > BODY_MAX:
            raise BadMessage("a body that is too long")
        parts.append(line)
        if size == 0:
            break
        parts.append(await reader.readexactly(size + 2))
    while True:  # trailers
        line = await reader.readuntil(b"\r\n")
        parts.append(line)
        if line == b"\r\n":
            return b"".join(parts)


async def read_body(reader, message, until_close):
    if "chunked" in message.get("Transfer-Encoding", "").lower():
        return await read_chunks(reader)
    length = message.get("Content-Length")
    if length is None:
        return await reader.read(BODY_MAX) if until_close else b""
    if not length.isdigit() or int(length) > BODY_MAX:
        raise BadMessage("a body that is too long")
    return await reader.readexactly(int(length))


async def read_request(reader, writer):
    """The next request; a client that waits for "100 Continue" is told so."""
    request = await read_head(reader)
    if request.start.count(" ") != 2 or not request.start.endswith("HTTP/1.1"):
        raise BadMessage(f"not a request: {request.start[:40]!r}")
    if request.get("Expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        request = request.without("Expect")
    request.body = await read_body(reader, request, until_close=False)
    return request


async def read_answer(reader, method):
    while True:
        answer = await read_head(reader)
        status = answer_status(answer)
        if status >= 200:
            break
    if method != "HEAD" and status not in (204, 304):
        answer.body = await read_body(reader, answer, until_close=True)
    return answer


def answer_status(answer):
    words = answer.start.split(" ")
    if len(words) < 2 or not words[1].isdigit():
        raise BadMessage(f"not an answer: {answer.start[:40]!r}")
    return int(words[1])


async def write(writer, data, rate=None):
    """Sends data, at most rate bytes a second."""
    if rate is None:
        writer.write(data)
        await writer.drain()
        return
    for at in range(0, len(data), PIECE):
        piece = data[at:at + PIECE]
        await asyncio.sleep(len(piece) / rate)
        writer.write(piece)
        await writer.drain()
