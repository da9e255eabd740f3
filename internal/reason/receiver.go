package reason

import (
	"trapline/internal/access"
)

// receivers are the words about receivers of notifications, where they differ from those about devices.
var receivers = map[access.Reason]entry{
	access.Timeout: {
		whole:  "No acknowledgement of {requests}. A wrong community or privacy password, or an access list, looks the same.",
		remedy: "Does it listen: snmptrapd -f -Lo on {host}, UDP port {port}. Does it take the auth {auth}: authCommunity or authUser in snmptrapd.conf.",
	},
	access.Refused: {
		whole:  "Nothing listens on port {port} of {host}. The host itself says so.",
		remedy: "Start the receiver, or correct the address.",
	},
	access.UnknownUser: {
		whole:  "The receiver answers, but has no user {user} (usmStatsUnknownUserNames).",
		remedy: "Create the user: for snmptrapd the createUser line, in /var/lib/snmp/snmptrapd.conf while it is stopped.",
	},
	access.WrongDigest: {
		whole:  "The receiver refuses the password or auth_protocol of user {user} (usmStatsWrongDigests).",
		remedy: "Check password and auth_protocol of auth {auth}, and those of the user at the receiver.",
	},
	access.Decryption: {
		whole:  "The receiver cannot decrypt what user {user} sends (usmStatsDecryptionErrors).",
		remedy: "Check priv_password and priv_protocol of auth {auth}, and those of the user at the receiver.",
	},
	access.UnsupportedLevel: {
		whole:  "The receiver does not support the security level of user {user} (usmStatsUnsupportedSecLevels).",
		remedy: "Set the security_level of auth {auth} that the receiver has for the user.",
	},
	access.UnknownEngine: {
		whole:  "The receiver does not know its own engine ID (usmStatsUnknownEngineIDs).",
		remedy: "Look whether several receivers have one address.",
	},
	access.NotInTimeWindow: {
		whole:  "The receiver's boots and time do not settle (usmStatsNotInTimeWindows).",
		remedy: "Look whether it restarts again and again, or several receivers have one address.",
	},
	access.Credentials: {
		whole:  "Nothing is sent: {detail}.",
		remedy: "Check that the file exists and that Trapline's user may read it.",
	},
	access.ErrorStatus: {
		whole:  "The receiver refuses the notification: {detail}.",
		remedy: "Look into the receiver's log.",
	},
	access.Malformed: {
		whole:  "The answer is no acknowledgement: {detail}.",
		remedy: "Look whether something else listens there.",
	},
}

// webhooks are the words about receivers of messages by HTTP, where they differ from those about other receivers.
var webhooks = map[access.Reason]entry{
	access.Timeout: {
		whole:  "{host} does not answer in time: {detail}.",
		remedy: "Does it work; is the timeout of the receiver too short: curl -v with its url.",
	},
	access.Refused: {
		whole:  "{host} does not take messages: {detail}.",
		remedy: "Start the receiver, correct its url, or look into its log.",
	},
	access.Unreachable: {
		whole:  "{host} cannot be reached: {detail}.",
		remedy: "Check the network, and proxies and tls_config of http_config.",
	},
	access.Credentials: {
		whole:  "Messages are not sent, or not accepted: {detail}.",
		remedy: "Check http_config: files that Trapline's user may read, and a user and password that the receiver accepts.",
	},
	access.ErrorStatus: {
		whole:  "{host} refuses the message: {detail}.",
		remedy: "Check the url, and look into the receiver's log.",
	},
}

// OfReceiver returns the words for facts about a receiver of notifications.
func OfReceiver(f *Facts) Words {
	e, known := webhooks[f.Reason]
	if !known || !f.Webhook {
		e, known = receivers[f.Reason]
	}
	if !known {
		if e, known = table[f.Reason]; !known || e.whole == "" {
			e = entry{whole: "Notifications do not arrive: {detail}.", remedy: "See the log."}
		}
	}
	return Words{Reason: f.Reason, Text: f.fill(e.whole), Remedy: f.fill(e.remedy)}
}
