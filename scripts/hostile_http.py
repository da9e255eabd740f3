"""The clients of hostile-http.sh, all at once: hostile_http.py ADDRESS SECONDS READERS CHASSIS DEAD-FILE LIVE-FILE

Prints how often each kind of request was answered with which status.
"""
import asyncio
import collections
import socket
import sys
import time
import urllib.parse

address, seconds, readers, chassis = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
dead_file, live_file = sys.argv[5:7]
host, port = address.rsplit(":", 1)
end = time.monotonic() + seconds
answers = collections.defaultdict(collections.Counter)
slowest = collections.defaultdict(float)
why = collections.Counter()

MIB = 1 << 20
BODIES = {
    "alerts of nothing": b"[" + b",".join([b"{}"] * (32 * MIB // 3)) + b"]",
    "nested lists": b'[{"labels":' + b"[" * (32 * MIB - 100) + b"}]",
    "nested objects": b'[{"x":' + b'{"a":' * (32 * MIB // 5),
    "labels": b'[{"labels":{"alertname":"x",' + b",".join(b'"a%d":""' % i for i in range(2_500_000)) + b"}}]",
}
# The same within the limit of a body.
BODIES |= {name + " (8 MiB)": body[: 8 * MIB - 4] + b'"}]' for name, body in list(BODIES.items())}

DAY = "max_over_time(" * 3 + "vector(1)" + "[1d:1s])" * 3
QUERIES = {
    "all series": 'count({__name__=~".+"})',
    "cartesian": '{__name__=~".+"} * on() group_left {__name__=~".+"}',
    "long subquery": "max_over_time((vector(1))[1000d:1s])",
    "subqueries of subqueries": DAY,
    "expression": '{__name__=~"' + "(a*)*" * 1000 + '"}',
    "doubled labels": "label_join(" * 30 + "up" + ', "a", "", "a", "a")' * 30,
}
for n in (10_000, 100_000, 1_000_000):
    QUERIES |= {f"{n} parentheses": "(" * n + "1" + ")" * n, f"{n} signs": "-" * n + "1", f"{n} sums": "1" + "+1" * n}


async def request(kind, head, body=b"", timeout=120):
    """Sends one request on a connection of its own, and counts the status."""
    begin = time.monotonic()
    status = "no answer"
    writer = None
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(head.encode() + b"Host: x\r\nConnection: close\r\n" + (b"Content-Length: %d\r\n" % len(body) if body else b"") + b"\r\n")
            sending = asyncio.ensure_future(send(writer, body))
            line = await reader.readline()
            status = line.split()[1].decode() if line else "closed"
            while text := await reader.read(MIB):
                if status != "200" and kind == "scrapes of live targets":
                    why[text.split(b"\r\n\r\n")[-1][:160]] += 1
            sending.cancel()
    except (OSError, asyncio.IncompleteReadError, IndexError):
        status = "reset" if status == "no answer" else status
    except TimeoutError:
        status = "no end" if status != "no answer" else status
    finally:
        if writer:
            writer.close()
    answers[kind][status] += 1
    slowest[kind] = max(slowest[kind], time.monotonic() - begin)


async def send(writer, body):
    try:
        for at in range(0, len(body), 1 << 18):
            writer.write(body[at : at + (1 << 18)])
            await writer.drain()
    except OSError:
        pass


async def repeat(make, pause=0.0):
    while time.monotonic() < end:
        await make()
        await asyncio.sleep(pause)


async def posts(i):
    name = list(BODIES)[i % len(BODIES)]
    await repeat(lambda: request("POST " + name, "POST /api/v2/alerts HTTP/1.1\r\nContent-Type: application/json\r\n", BODIES[name]), 0.5)


async def stuck_reader(i):
    """Asks for something large with a small window, and reads none of it."""
    path = "/metrics" if i % 4 == 0 else f"/snmp?module=if_mib&target={chassis}"

    async def one():
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(s, (host, int(port)))
            await loop.sock_sendall(s, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            await asyncio.sleep(min(25, max(0, end - time.monotonic())))
            answers["stuck readers"]["asked"] += 1
        except OSError:
            answers["stuck readers"]["refused"] += 1
        finally:
            s.close()

    await repeat(one)


async def dead_scrape(i, target):
    head = f"GET /snmp?module=ups_mib&target={target} HTTP/1.1\r\n"
    if i % 2:
        head += "X-Prometheus-Scrape-Timeout-Seconds: 10\r\n"
    await asyncio.sleep(i / 5000)
    await repeat(lambda: request("/snmp of dead targets", head, timeout=180))


async def honest(i, device):
    """Scrapes a device that lives, as Prometheus does."""
    head = f"GET /targets/healthy-{i}/metrics HTTP/1.1\r\n" if i % 2 else f"GET /snmp?module=if_mib&target={device} HTTP/1.1\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n"
    await asyncio.sleep(i / 10)
    await repeat(lambda: request("scrapes of live targets", head + "Accept-Encoding: gzip\r\n", timeout=30), 5)


async def queries(name):
    body = urllib.parse.urlencode({"query": QUERIES[name]}).encode()
    head = "POST /api/v1/query HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    await repeat(lambda: request("query: " + name, head, body), 0.2)


async def range_query():
    now = int(time.time())
    form = urllib.parse.urlencode({"query": 'count_over_time({__name__=~".+"}[5m:1s])', "start": now - 11000, "end": now, "step": 1})
    await repeat(lambda: request("query: range", f"GET /api/v1/query_range?{form} HTTP/1.1\r\n"), 0.2)


async def main():
    with open(dead_file) as file:
        dead = [line.split()[0] for line in file]
    with open(live_file) as file:
        live = [line.split()[0] for line in file]
    await asyncio.gather(
        *(posts(i) for i in range(8)), *(stuck_reader(i) for i in range(readers)), *(dead_scrape(i, t) for i, t in enumerate(dead)),
        *(honest(i + 1, t) for i, t in enumerate(live[:20])),
        *(queries(name) for name in QUERIES), range_query(),
    )


asyncio.run(main())
for kind in sorted(answers):
    print(f"{kind}: {dict(answers[kind])}, the slowest after {slowest[kind]:.1f} s")
for text, n in why.most_common(6):
    print("  ", n, text)
