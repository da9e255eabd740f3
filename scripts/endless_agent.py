"""An SNMPv2c agent whose columns never end, of strings as large as a datagram takes: endless_agent.py HOST PORT"""
import socket
import sys

VALUE = b"x" * 60_000
FIRST_INDEX = 1_000_000


def encoded(tag, body):
    n = len(body)
    length = bytes([n]) if n < 128 else (lambda b: bytes([0x80 | len(b)]) + b)(n.to_bytes((n.bit_length() + 7) // 8, "big"))
    return bytes([tag]) + length + body


def decoded(data):
    """Returns the tag, the body, and what follows."""
    n, at = data[1], 2
    if n & 0x80:
        at += n & 0x7F
        n = int.from_bytes(data[2:at], "big")
    return data[0], data[at : at + n], data[at + n :]


def arcs(body):
    out, n = [body[0] // 40, body[0] % 40], 0
    for octet in body[1:]:
        n = n << 7 | octet & 0x7F
        if not octet & 0x80:
            out.append(n)
            n = 0
    return out


def oid(numbers):
    body = bytes([numbers[0] * 40 + numbers[1]])
    for n in numbers[2:]:
        part = [n & 0x7F]
        while n := n >> 7:
            part.append(n & 0x7F | 0x80)
        body += bytes(reversed(part))
    return body


def answer(request):
    _, message, _ = decoded(request)
    version, rest = message[:3], decoded(message)[2]
    community, rest = decoded(rest)[1], decoded(rest)[2]
    _, pdu, _ = decoded(rest)
    request_id, rest = decoded(pdu)[1], decoded(pdu)[2]
    bindings = decoded(decoded(decoded(rest)[2])[2])[1]
    name = arcs(decoded(decoded(bindings)[1])[1])
    if name[-1] < FIRST_INDEX:
        name.append(FIRST_INDEX)
    else:
        name[-1] += 1
    binding = encoded(0x30, encoded(6, oid(name)) + encoded(4, VALUE))
    response = encoded(0xA2, encoded(2, request_id) + b"\x02\x01\x00\x02\x01\x00" + encoded(0x30, binding))
    return encoded(0x30, version + encoded(4, community) + response)


s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
s.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(65536)
    try:
        s.sendto(answer(data), peer)
    except (IndexError, OSError):
        pass
