package alerting

import (
	"slices"

	"trapline/internal/api"
	"trapline/internal/engine"
	"trapline/internal/notify"
)

// Steps of receivers: of a step's failure, the reasons.
type rung struct {
	name    string
	reasons []engine.Reason
}

var (
	resolves = rung{"name resolves", []engine.Reason{engine.Resolve}}
	network  = rung{"network takes packets", []engine.Reason{engine.Unreachable}}
	answers  = rung{"receiver answers", []engine.Reason{engine.Timeout, engine.Refused}}
	usable   = rung{"credentials can be read", []engine.Reason{engine.Credentials}}
	found    = rung{"engine found", []engine.Reason{engine.UnknownEngine, engine.NotInTimeWindow}}
	accepted = rung{"user accepted", []engine.Reason{engine.UnknownUser, engine.WrongDigest, engine.Decryption, engine.UnsupportedLevel}}
	last     = rung{"acknowledges", nil}
	left     = rung{"packets leave", nil}
)

// rungs are the steps of a kind of receiver, in order. Whatever reason none of them has is of the last one.
func rungs(a *notify.About) []rung {
	switch {
	case a.Type == "webhook":
		return []rung{resolves, network, answers, {"accepts", nil}}
	case a.Type == "trap":
		return []rung{usable, resolves, network, left}
	case a.Version == "3":
		return []rung{usable, resolves, network, answers, found, accepted, last}
	}
	return []rung{usable, resolves, network, answers, last}
}

// receiverLadder is how far notifications come on their way to a receiver.
func receiverLadder(s *notify.ReceiverState) (ladder []api.Step) {
	steps := rungs(&s.About)
	failed := len(steps)
	if s.Failing {
		reason := notify.Reason(s.Err)
		failed = slices.IndexFunc(steps, func(r rung) bool { return slices.Contains(r.reasons, reason) })
		if failed < 0 {
			failed = len(steps) - 1
		}
	}
	for i, step := range steps {
		state := "ok"
		switch {
		case i > failed, !s.Failing && s.LastAck.IsZero():
			state = "unknown"
		case i == failed:
			state = "failed"
		}
		ladder = append(ladder, api.Step{Name: step.name, State: state})
	}
	return ladder
}
