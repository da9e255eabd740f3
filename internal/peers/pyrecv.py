"""Receives notifications with PySNMP 4.4 and prints each as a line of JSON, after a line {"ready": true}.

Arguments: the port on 127.0.0.1, the engine ID of the sender of traps (hexadecimal digits, may be empty), the
passphrases of authentication and of privacy, and users as NAME,AUTH,PRIV.
"""

import json
import sys

from pysnmp.carrier.asyncore.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import ntfrcv
from pysnmp.proto.api import v2c

AUTH = {
    "": config.usmNoAuthProtocol,
    "MD5": config.usmHMACMD5AuthProtocol,
    "SHA": config.usmHMACSHAAuthProtocol,
    "SHA256": config.usmHMAC192SHA256AuthProtocol,
    "SHA512": config.usmHMAC384SHA512AuthProtocol,
}
PRIV = {
    "": config.usmNoPrivProtocol,
    "DES": config.usmDESPrivProtocol,
    "3DES": config.usm3DESEDEPrivProtocol,
    "AES": config.usmAesCfb128Protocol,
    "AES256": config.usmAesBlumenthalCfb256Protocol,
}

port, sender, auth_passphrase, priv_passphrase = sys.argv[1:5]
snmp = engine.SnmpEngine(v2c.OctetString(hexValue="80007ed904706565727265637631"))
transport = udp.UdpTransport().openServerMode(("127.0.0.1", int(port)))
config.addTransport(snmp, udp.domainName + (1,), transport)
config.addV1System(snmp, "community", "public")
for user in sys.argv[5:]:
    name, auth, priv = user.split(",")
    keys = [AUTH[auth]]
    if auth:
        keys.append(auth_passphrase)
    if priv:
        keys += [PRIV[priv], priv_passphrase]
    # Informs are for our engine, traps come from that of their sender.
    config.addV3User(snmp, name, *keys)
    if sender:
        config.addV3User(snmp, name, *keys, securityEngineId=v2c.OctetString(hexValue=sender))

message = {}


def remember(_engine, _point, variables, _context):
    """Keeps what only the message says; the callback below has the PDU's content."""
    message["level"] = int(variables["securityLevel"])
    message["name"] = str(variables["securityName"])
    message["pdu"] = type(variables["pdu"]).__name__


def report(_engine, _reference, context_engine_id, context_name, bindings, _context):
    received = dict(message)
    received["contextEngineId"] = context_engine_id.prettyPrint()
    received["contextName"] = str(context_name)
    received["varbinds"] = [[str(oid), type(value).__name__, value.prettyPrint()] for oid, value in bindings]
    print(json.dumps(received), flush=True)


snmp.observer.registerObserver(remember, "rfc3412.receiveMessage:request")
ntfrcv.NotificationReceiver(snmp, report)
snmp.transportDispatcher.jobStarted(1)
print(json.dumps({"ready": True}), flush=True)
snmp.transportDispatcher.runDispatcher()
