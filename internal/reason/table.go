package reason

import (
	"trapline/internal/access"
)

// entry is the text of a failure: of the target itself, and of a part of a poll. Names in braces are
// those of Facts.value.
type entry struct {
	whole, part        string
	remedy, partRemedy string // partRemedy is empty where remedy suits both
	step               Step
}

// Step is a condition that must hold before a target is polled whole. They are in order.
type Step string

// The steps.
const (
	Resolves Step = "resolves"
	Sent     Step = "sent"
	Answers  Step = "answers"
	Engine   Step = "engine"   // SNMPv3: engine ID and clock are known
	User     Step = "user"     // SNMPv3: the user is known, and its level is accepted
	Digest   Step = "digest"   // SNMPv3: the password and the authentication protocol are right
	Decrypts Step = "decrypts" // SNMPv3: the device decrypts messages
	View     Step = "view"     // the objects may be read
)

// Steps are all steps in their order.
var Steps = []Step{Resolves, Sent, Answers, Engine, User, Digest, Decrypts, View}

// dropped are the words for a device that says who it is and drops requests of the user: many do so with messages that they
// cannot decrypt, and with a context that they do not have. Below authPriv nothing is decrypted.
func (f *Facts) dropped() entry {
	context := "that the device has the context {context}"
	if f.Context == "" {
		context = "whether the device wants a context_name"
	}
	e := entry{
		whole:  "It answers the discovery of its engine, but not user {user}: the privacy password, the privacy protocol or the context is probably wrong.",
		remedy: "Check priv_password and priv_protocol of auth {auth} (some devices call AES256C AES256), and " + context + ". See the packets: trapline get {target} sysName.0 --packets.",
		step:   User,
	}
	if f.Level != access.AuthPriv {
		e.whole = "It answers the discovery of its engine, but not user {user}: the context is probably wrong, or an access list drops the requests."
		e.remedy = "Check " + context + ", and that it lets this machine ask. See the packets: trapline get {target} sysName.0 --packets."
	}
	return e
}

var table = map[access.Reason]entry{
	access.Timeout: {
		whole:  "No answer to {requests} in {took}. {suspects} on the device looks the same.",
		part:   "{partial}: the device did not answer to it, though it answered other requests.",
		remedy: "Is it there: ping {host}. See the packets: trapline get {target} sysName.0 --packets. Try another auth: --auth NAME.", partRemedy: "Set a longer timeout or a lower max_repetitions, or leave {table} out.",
		step: Answers,
	},
	access.Canceled: {
		whole:  "The poll was ended before the device had answered; {arrived}.",
		part:   "The poll did not end within its interval of {interval}; {arrived}.",
		remedy: "Set a longer interval or fewer modules.",
		step:   Answers,
	},
	access.Deadline: {
		part:   "The poll did not end within its interval of {interval}; {arrived}.",
		remedy: "Set a longer interval or fewer modules.",
	},
	access.Late: {
		part:   "Answers come later than the timeout of {timeout}; {arrived}.",
		remedy: "Set a longer timeout.",
		step:   Answers,
	},
	access.Refused: {
		whole:  "Nothing listens on UDP port {port} of {host}. The host itself says so.",
		remedy: "Start the SNMP agent (snmpd), or correct the port in the address.",
		step:   Answers,
	},
	access.Unreachable: {
		whole:  "There is no route to {host}, or nothing can be sent to it: {detail}.",
		remedy: "Check the network, source_address and source_interface: ip route get {host}.",
		step:   Sent,
	},
	access.Resolve: {
		whole:  "The name {host} has no address: {detail}.",
		remedy: "Check DNS (getent hosts {host}), or write an IP address.",
		step:   Resolves,
	},
	access.UnknownUser: {
		whole:  "The device answers, but has no user {user} (usmStatsUnknownUserNames).",
		remedy: "Create the user on the device, or correct the username of auth {auth}.",
		step:   User,
	},
	access.WrongDigest: {
		whole:  "The device refuses the password or auth_protocol of user {user} (usmStatsWrongDigests).",
		remedy: "Check password and auth_protocol of auth {auth}.",
		step:   Digest,
	},
	access.Decryption: {
		whole:  "The device cannot decrypt what user {user} sends (usmStatsDecryptionErrors).",
		remedy: "Check priv_password and priv_protocol of auth {auth}: some devices call AES256C AES256.",
		step:   Decrypts,
	},
	access.UnsupportedLevel: {
		whole:  "The device does not support security level {level} for user {user} (usmStatsUnsupportedSecLevels).",
		remedy: "Set the security_level of auth {auth} that the device has for the user.",
		step:   User,
	},
	access.UnknownEngine: {
		whole:  "The device does not know its own engine ID: the one that it reports is refused (usmStatsUnknownEngineIDs).",
		remedy: "Look whether several devices have one engine ID or one address. Give each its own, or set engine_id.",
		step:   Engine,
	},
	access.NotInTimeWindow: {
		whole:  "The clock of the device's engine does not settle (usmStatsNotInTimeWindows).",
		remedy: "Look whether the device restarts again and again, and whether several devices have one engine ID.",
		step:   Engine,
	},
	access.UnknownContext: {
		whole:  "The device has no context {context}.",
		remedy: "Correct the context of the target, or the context_name of auth {auth}.",
		step:   View,
	},
	access.Authorization: {
		whole:  "The device's access control forbids this to auth {auth} (authorizationError).",
		part:   "{partial}: the device's access control forbids it to auth {auth} (authorizationError).",
		remedy: "Widen the view of the community or user on the device, or use another security level.",
		step:   View,
	},
	access.Credentials: {
		whole:  "Not asked: auth {auth} cannot be used: {detail}.",
		remedy: "Check the path, its mode and the user that Trapline runs as. The file is read again in each poll.",
		step:   Sent,
	},
	access.Internal: {
		whole:  "A fault of Trapline ended the poll. The log says more.",
		remedy: "Please report it, with the lines of the log.",
	},
	access.ErrorStatus: {
		part:   "{partial}: {detail}.",
		remedy: "Leave {table} out, or set a lower max_repetitions.",
	},
	access.NotIncreasing: {
		part:   "{partial}: the device's OIDs do not increase there.",
		remedy: "Set allow_nonincreasing_oids: true, or leave {table} out.",
	},
	access.EmptyAnswer: {
		part:   "{partial}: the device answers without it.",
		remedy: "Leave {table} out, or set a lower max_repetitions.",
	},
	access.Malformed: {
		whole:  "What came from {address} is no answer in SNMP: {detail}.",
		part:   "{partial}: what the device sent cannot be read.",
		remedy: "See the packets: trapline get {target} sysName.0 --packets. Check the version of auth {auth}.", partRemedy: "Leave {table} out; see the packets: trapline get {target} {table} --packets.",
		step: Answers,
	},
	access.TooMany: {
		part:   "{partial}: {detail}.",
		remedy: "Raise max_rows or max_bytes, or leave {table} out.",
	},
	access.Duplicate: {
		part:   "{table} has rows with equal labels: all but the first are dropped.",
		remedy: "Add a lookup or an index label that distinguishes the rows.",
	},
}
