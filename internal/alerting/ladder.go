package alerting

import (
	"errors"
	"io/fs"
	"slices"

	"trapline/internal/access"
	"trapline/internal/api"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/standing"
)

// Steps of receivers: of a step's failure, the reasons.
type rung struct {
	name    string
	reasons []access.Reason
}

var (
	resolves = rung{"name resolves", []access.Reason{access.Resolve}}
	network  = rung{"network takes packets", []access.Reason{access.Unreachable}}
	answers  = rung{"receiver answers", []access.Reason{access.Timeout, access.Refused}}
	usable   = rung{"credentials can be read", []access.Reason{access.Credentials}}
	found    = rung{"engine found", []access.Reason{access.UnknownEngine, access.NotInTimeWindow}}
	accepted = rung{"user accepted", []access.Reason{access.UnknownUser, access.WrongDigest, access.Decryption, access.UnsupportedLevel}}
	last     = rung{"acknowledges", nil}
	left     = rung{"packets leave", nil}
)

// rungs are the steps of a kind of receiver, in order. Whatever reason none of them has is of the last one.
func rungs(a *queue.About) []rung {
	switch {
	case a.Type == "webhook":
		return []rung{usable, resolves, network, answers, {"accepts", nil}}
	case a.Type == "trap":
		return []rung{usable, resolves, network, left}
	case a.Version == "3":
		return []rung{usable, resolves, network, answers, found, accepted, last}
	}
	return []rung{usable, resolves, network, answers, last}
}

// receiverLadder is how far notifications come on their way to a receiver.
func receiverLadder(s *standing.ReceiverState) (ladder []api.Step) {
	steps := rungs(&s.About)
	failed := len(steps)
	if s.Failing {
		failed = failedStep(s, steps)
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

// failedStep is the index of the step that failed. Credentials of a webhook fail at the first step if their file cannot be
// read, and at the last if the receiver refuses them.
func failedStep(s *standing.ReceiverState, steps []rung) int {
	reason := standing.Reason(s.Err)
	if file := (*fs.PathError)(nil); s.About.Type == "webhook" && reason == access.Credentials && !errors.As(s.Err, &file) {
		return len(steps) - 1
	}
	if i := slices.IndexFunc(steps, func(r rung) bool { return slices.Contains(r.reasons, reason) }); i >= 0 {
		return i
	}
	return len(steps) - 1
}
