package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"trapline/internal/access"
	"trapline/internal/notify"
	"trapline/internal/reason"
)

var errNoReceivers = &Hinted{of(ErrUnavailable, "there are no receivers"), "write receivers into the configuration, and reload it"}

// receiverError is an error of the outbox as one of a query.
func receiverError(err error) error {
	if errors.Is(err, notify.ErrNoReceiver) || errors.Is(err, notify.ErrNoAlarm) {
		return of(ErrNotFound, "%w", err)
	}
	return err
}

// Receivers returns how all receivers fare, in the order of the configuration.
func (a *API) Receivers() ([]Receiver, error) {
	list := []Receiver{}
	if a.outbox() == nil {
		return list, nil
	}
	states, err := a.outbox().Receivers()
	for i := range states {
		list = append(list, receiverAnswer(&states[i]))
	}
	return list, err
}

// maxQueued is how many events of a receiver are listed.
const maxQueued = 100

// Receiver returns one receiver, with the first events of its queue and the last that were given up.
func (a *API) Receiver(name string) (Receiver, error) {
	list, err := a.Receivers()
	if err != nil {
		return Receiver{}, err
	}
	i := slices.IndexFunc(list, func(r Receiver) bool { return r.Name == name })
	if i < 0 {
		return Receiver{}, of(ErrNotFound, "there is no receiver %q", name)
	}
	r := list[i]
	queue, err := a.outbox().Queue(name, maxQueued)
	if err != nil {
		return r, receiverError(err)
	}
	dead, err := a.outbox().DeadLetters(name)
	if err != nil {
		return r, err
	}
	r.Queue = []Queued{}
	for i := range queue {
		one := queued(&queue[i].Event)
		one.Tries, one.Reason = queue[i].Tries, reasonWord(queue[i].Err)
		r.Queue = append(r.Queue, one)
	}
	for _, d := range dead[max(0, len(dead)-maxQueued):] {
		one := queued(&d.Event)
		one.GivenUp, one.Reason = true, d.Why
		r.Queue = append(r.Queue, one)
	}
	return r, nil
}

func queued(e *notify.Event) Queued {
	q := Queued{Event: e.ID, Kind: string(e.Kind), Alarm: e.Alarm.ID, Rule: e.Alarm.Rule, Target: e.Alarm.Target, Text: e.Alarm.Text(), Since: e.At}
	if e.Alarm.ID != "" {
		q.Severity = e.Alarm.Severity.String()
	}
	return q
}

func reasonWord(err error) string {
	if reason := notify.Reason(err); reason != "" || err == nil {
		return string(reason)
	}
	return err.Error()
}

// The states of a receiver.
const (
	receiverWorks   = "works"
	receiverFails   = "fails"
	receiverWaiting = "waiting" // nothing was sent yet
)

func receiverAnswer(s *notify.ReceiverState) Receiver {
	r := Receiver{
		Name: s.Name, Address: s.Address, Kind: receiverKind(&s.About), Group: s.Group, State: receiverWorks, Waiting: s.Waiting, Oldest: s.Oldest,
		GivenUp: s.GivenUp, Today: s.Today, AnswerTime: s.AnswerTime.Seconds(), RetryAt: s.RetryAt, LastAck: s.LastAck,
		Ladder: receiverLadder(s), CreateUser: s.CreateUser,
	}
	switch {
	case s.Failing:
		r.State, r.FailingSince, r.Problem = receiverFails, s.Since, receiverProblem(s)
	case s.LastAck.IsZero():
		r.State = receiverWaiting
	}
	if !s.Oldest.IsZero() && s.MaxAge > 0 {
		r.KeptUntil = s.Oldest.Add(s.MaxAge)
	}
	for _, m := range s.Minutes {
		r.Minutes = append(r.Minutes, DayPoint(m))
	}
	return r
}

// receiverKind says how a receiver is notified: v3 inform, format disman.
func receiverKind(a *notify.About) string {
	if a.Version == "" {
		return a.Type
	}
	return fmt.Sprintf("v%s %s, format %s", a.Version, a.Type, a.Format)
}

// receiverProblem is why a receiver fails, in words.
func receiverProblem(s *notify.ReceiverState) *Problem {
	f := reason.Facts{Reason: notify.Reason(s.Err), Address: s.Address, Auth: s.Auth, User: s.User, Requests: s.Tries}
	f.Host, f.Port = hostPort(&s.About)
	if s.Err != nil {
		f.Detail = detailOf(s.Err)
	}
	w := reason.OfReceiver(&f)
	return &Problem{Reason: string(w.Reason), Text: w.Text, Remedy: w.Remedy}
}

// detailOf is an error without what says again which receiver it is about.
func detailOf(err error) string {
	if e := (*notify.Error)(nil); errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

// hostPort is where notifications go.
func hostPort(a *notify.About) (host, port string) {
	if a.Type == "webhook" {
		u, err := url.Parse(a.Address)
		if err != nil {
			return a.Address, ""
		}
		if port = u.Port(); port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		return u.Hostname(), port
	}
	address, err := access.ParseReceiver(a.Address)
	if err != nil {
		return a.Address, ""
	}
	host, port, _ = net.SplitHostPort(address.HostPort())
	return host, port
}

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
func receiverLadder(s *notify.ReceiverState) (ladder []Step) {
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
		ladder = append(ladder, Step{Name: step.name, State: state})
	}
	return ladder
}

// testProblem is why a test failed, in words.
func (a *API) testProblem(receiver string, tries int, err error) *Problem {
	states, _ := a.outbox().Receivers() // the error is about given up ones
	for i := range states {
		if s := &states[i]; s.Name == receiver {
			s.Err, s.Tries = err, tries
			return receiverProblem(s)
		}
	}
	return &Problem{Reason: string(notify.Reason(err)), Text: detailOf(err)}
}

// Retry has a receiver sent at once what waits for it, and again what was given up.
func (a *API) Retry(receiver string) error {
	if a.outbox() == nil {
		return errNoReceivers
	}
	return receiverError(a.outbox().Retry(receiver, time.Now()))
}

// Drop forgets what waits for a receiver and what was given up.
func (a *API) Drop(receiver string) error {
	if a.outbox() == nil {
		return errNoReceivers
	}
	return receiverError(a.outbox().Drop(receiver, time.Now()))
}

// TestReceiver sends a receiver a test, and returns what became of it.
func (a *API) TestReceiver(ctx context.Context, receiver string) (TestResult, error) {
	if a.outbox() == nil {
		return TestResult{}, errNoReceivers
	}
	receipt, err := a.outbox().Test(ctx, receiver)
	switch {
	case errors.Is(err, notify.ErrNoReceiver):
		return TestResult{}, receiverError(err)
	case err != nil:
		return TestResult{Tries: receipt.Sent, Problem: a.testProblem(receiver, receipt.Sent, err), Text: "not acknowledged: " + detailOf(err)}, nil
	case receipt.Sent == 0:
		return TestResult{Text: "nothing was sent: the receiver's format has no test"}, nil
	case receipt.RTT == 0:
		return TestResult{Sent: true, Tries: receipt.Sent, Text: "sent; a trap is never acknowledged"}, nil
	}
	return TestResult{
		Sent: true, Acknowledged: true, Tries: receipt.Sent, Seconds: receipt.RTT.Seconds(), Text: "acknowledged in " + shortDuration(receipt.RTT),
	}, nil
}
