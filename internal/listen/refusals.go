package listen

import (
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/originator"
	"trapline/internal/snmp"
)

// The reasons of refusals.
const (
	refusedACL       = "acl"       // the sender is not allowed
	refusedCommunity = "community" // no auth has it
	refusedUser      = "user"      // no auth has it
	refusedDigest    = "digest"    // another password or protocol
	refusedLevel     = "level"     // another security level than that of the user
	refusedWindow    = "window"    // old, or sent again by somebody else
	refusedRate      = "rate"      // too many of one sender
	refusedMalformed = "malformed" // no notification
	refusedFull      = "full"      // the workers are behind
	refusedEcho      = "echo"      // passed on from here, and come back
)

var refusalReasons = []string{refusedACL, refusedCommunity, refusedUser, refusedDigest, refusedLevel, refusedWindow, refusedRate, refusedMalformed, refusedFull, refusedEcho}

// remedies say what to change for each reason.
var remedies = map[string]string{
	refusedACL:       "no target has this address: add it to listen.allow, or the device to targets",
	refusedCommunity: "no auth of listen.auths has this community: add one",
	refusedUser:      "no auth of listen.auths has this user: add one",
	refusedDigest:    "the passwords or protocols of the user differ: compare them with those of the device",
	refusedLevel:     "the security level of the user differs: compare it with that of the device",
	refusedWindow:    "snmpEngineBoots or snmpEngineTime are behind those of earlier messages: the device lost its snmpEngineBoots, or the message was recorded",
	refusedRate:      "more than listen.rate notifications a second: raise it, or have the device send fewer",
	refusedMalformed: "not a notification of SNMP",
	refusedFull:      "more notifications come than can be handled",
	refusedEcho:      "it was forwarded from here and came back: have one of the two forward less",
}

// reasonOf returns the reason of an error of the decoder.
func reasonOf(err error) string {
	var kind snmp.ReportKind
	switch {
	case errors.Is(err, originator.ErrCommunity):
		return refusedCommunity
	case errors.As(err, &kind):
		switch kind {
		case snmp.UnknownUserName:
			return refusedUser
		case snmp.WrongDigest, snmp.DecryptionError:
			return refusedDigest
		case snmp.UnsupportedSecurityLevel:
			return refusedLevel
		case snmp.NotInTimeWindow:
			return refusedWindow
		}
	}
	return refusedMalformed
}

const (
	// refusalTime is the time between two log lines about a sender and a reason.
	refusalTime = time.Minute
	// maxRefusers is how many senders are logged in that time.
	maxRefusers = 100
)

// refusals counts refused datagrams and logs them, once a minute and sender.
type refusals struct {
	logger *slog.Logger
	counts map[string]prometheus.Counter // by reason
	totals map[string]*atomic.Uint64     // the same, to be read

	mu     sync.Mutex
	known  map[refuser]*refused
	others int // of senders beyond maxRefusers
	began  time.Duration
	latest latest
}

type refuser struct {
	sender netip.Addr
	reason string
}

type refused struct{ count int }

func newRefusals(registry prometheus.Registerer, logger *slog.Logger) *refusals {
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trapline_traps_refused_total", Help: "Datagrams that were received and refused, by reason: acl, community, user, digest, level, window, rate, malformed, full, echo.",
	}, []string{"reason"})
	registry.MustRegister(total)
	r := &refusals{logger: logger, counts: map[string]prometheus.Counter{}, totals: map[string]*atomic.Uint64{}, known: map[refuser]*refused{}, latest: latest{of: map[refuser]*lastRefusal{}}}
	for _, reason := range refusalReasons {
		r.counts[reason], r.totals[reason] = total.WithLabelValues(reason), new(atomic.Uint64)
	}
	return r
}

// refuse notes a refused datagram.
func (r *refusals) refuse(sender netip.Addr, reason string, now time.Duration, attrs ...any) {
	r.counts[reason].Inc()
	r.totals[reason].Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest.add(refuser{sender, reason}, now)
	if now-r.began >= refusalTime {
		r.flush(now)
	}
	key := refuser{sender, reason}
	if one := r.known[key]; one != nil {
		one.count++
		return
	}
	if len(r.known) >= maxRefusers {
		r.others++
		return
	}
	r.known[key] = &refused{}
	r.logger.Warn("a trap was refused", append([]any{"sender", sender, "reason", reason, "hint", remedies[reason]}, attrs...)...)
}

// flush logs the refusals since the last flush that were not logged one by one.
func (r *refusals) flush(now time.Duration) {
	for key, one := range r.known {
		if one.count > 0 {
			r.logger.Warn("more traps were refused", "sender", key.sender, "reason", key.reason, "count", one.count)
		}
	}
	if r.others > 0 {
		r.logger.Warn("more traps were refused", "sender", "others", "count", r.others)
	}
	clear(r.known)
	r.others, r.began = 0, now
}
