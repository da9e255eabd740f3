package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"trapline/collector"
	"trapline/internal/agent"
	"trapline/internal/engine"
	"trapline/internal/modules"
	"trapline/internal/poller"
	"trapline/internal/snmp"
	"trapline/mibs"
)

// WalkRow is a row of a walk.
type WalkRow struct {
	OID   string `json:"oid"`
	Name  string `json:"name"`  // as IF-MIB::ifDescr.1
	Type  string `json:"type"`  // of the SMI, such as Counter32
	Value string `json:"value"` // as text, by the DISPLAY-HINT and the enumeration
}

const (
	// MaxWalk is how many rows a walk has at most.
	MaxWalk = 10_000
	// maxWalkTime bounds a walk.
	maxWalkTime = 5 * time.Minute
	// maxQuestions is how many walks and live answers to why may be under way, over all targets.
	maxQuestions = 4
)

// asking counts what is asked of targets beside their polls.
type asking struct {
	mu sync.Mutex
	of map[string]bool // targets
}

// begin returns what ends a question to a target, or ErrBusy.
func (q *asking) begin(target string) (end func(), err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.of[target]:
		return nil, &Hinted{of(ErrBusy, "another walk of %s is under way", target), "Try again when it has ended"}
	case len(q.of) >= maxQuestions:
		return nil, &Hinted{of(ErrBusy, "%d walks are under way, which are the most", maxQuestions), "Try again when one of them has ended"}
	}
	if q.of == nil {
		q.of = map[string]bool{}
	}
	q.of[target] = true
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.of, target)
	}, nil
}

// Walk asks a target for a subtree, or an instance, by its name in a MIB or its OID, and hands row by row to row
// as they arrive: at most limit, 0 meaning MaxWalk. There may be one walk of a target and four in all; others are
// ErrBusy. An error of row ends the walk, and is returned.
func (a *API) Walk(ctx context.Context, target, what string, limit int, row func(WalkRow) error) error {
	tree, err := a.tree()
	if err != nil {
		return err
	}
	return a.walk(ctx, target, what, limit, func(v snmp.VarBind) error { return row(newWalkRow(tree, v)) })
}

// Record is Walk that writes a recording (.snmprec), for trapline simulate and snmpsim.
func (a *API) Record(ctx context.Context, target, what string, limit int, w io.Writer) error {
	return a.walk(ctx, target, what, limit, func(v snmp.VarBind) error {
		_, err := w.Write(agent.AppendLine(nil, v))
		return err
	})
}

// errEnough ends a walk that has as many rows as it may.
var errEnough = errors.New("enough rows")

func (a *API) walk(ctx context.Context, name, what string, limit int, row func(snmp.VarBind) error) error {
	t, session, end, err := a.question(name)
	if err != nil {
		return err
	}
	defer end()
	oids, err := a.subtrees(what)
	if err != nil {
		return err
	}
	if limit <= 0 || limit > MaxWalk {
		limit = MaxWalk
	}
	timed, stop := context.WithTimeoutCause(ctx, maxWalkTime, fmt.Errorf("a walk may take %v", maxWalkTime))
	defer stop()
	ctx, cancel := context.WithCancelCause(timed)
	defer cancel(nil)
	var over error
	rows := 0
	yield := func(v snmp.VarBind) {
		if over != nil || !v.Type.HasValue() {
			return
		}
		if over = row(v); over == nil {
			if rows++; rows == limit {
				over = errEnough
			}
		}
		if over != nil {
			cancel(over)
		}
	}
	plan := engine.Plan{Walk: oids, Alone: len(oids) == 1, Params: t.Params.Over(t.Defaults)}
	start := time.Now()
	stats, err := session.Poll(ctx, &plan, yield)
	if rows == 0 && err == nil && len(oids) == 1 && oids[0].Valid() { // it may be an instance
		stats, err = session.Poll(ctx, &engine.Plan{Get: oids, Alone: true, Params: plan.Params}, yield)
	}
	if errors.Is(over, errEnough) {
		return nil
	}
	if over != nil {
		return over
	}
	return a.unanswered(name, err, poller.Pass{Stats: stats, Duration: time.Since(start)})
}

// unanswered says in words what the question to a target has met.
func (a *API) unanswered(name string, err error, took poller.Pass) error {
	d, ok := a.options.Polls.Detail(name)
	if err == nil || !ok {
		return err
	}
	took.Modules = d.Summary.Target.Modules
	words := d.Summary.Words(err, took)
	return &Hinted{of(ErrUnavailable, "%s", words.Text), words.Remedy}
}

// question begins to ask a target beside its polls.
func (a *API) question(name string) (t *poller.Target, s collector.Session, end func(), err error) {
	r, ok := a.options.Polls.Report(name)
	if !ok {
		return nil, nil, nil, a.noTarget(name)
	}
	if end, err = a.asking.begin(name); err != nil {
		return nil, nil, nil, err
	}
	if s, err = a.options.Open(r.Target.Spec); err != nil {
		end()
		return nil, nil, nil, a.unanswered(name, err, poller.Pass{})
	}
	return r.Target, s, end, nil
}

// tree gives the MIBs that the configuration names, and the built-in ones.
func (a *API) tree() (*mibs.Tree, error) {
	if a.options.Names == nil {
		return nil, of(ErrUnavailable, "no MIBs")
	}
	tree, err := a.options.Names()
	if err != nil {
		return nil, of(ErrUnavailable, "the MIBs cannot be read: %v", err)
	}
	return tree, nil
}

// subtrees gives what a name or an OID stands for. Without one it is mib-2.
func (a *API) subtrees(what string) ([]snmp.OID, error) {
	if what = strings.TrimSpace(what); what == "" {
		what = "1.3.6.1.2.1"
	}
	if oid, err := snmp.ParseOID(what); err == nil {
		return []snmp.OID{oid}, nil
	}
	tree, err := a.tree()
	if err != nil {
		return nil, err
	}
	oids, err := modules.Subtrees(tree, what)
	if err != nil {
		return nil, of(ErrBadRequest, "%v", err)
	}
	return oids, nil
}

func newWalkRow(t *mibs.Tree, v snmp.VarBind) WalkRow {
	row := WalkRow{OID: v.Name.String(), Type: v.Type.String()}
	row.Name = row.OID
	i := t.Object(v.Name)
	if i.Node != nil {
		row.Name = i.String()
	}
	row.Value = valueText(t, i.Node, v)
	return row
}

// valueText gives a value as text; n, which may be nil, is its object.
func valueText(t *mibs.Tree, n *mibs.Node, v snmp.VarBind) string {
	switch v.Type {
	case snmp.Integer:
		number, err := v.Int()
		if err != nil {
			break
		}
		return integerText(n, number)
	case snmp.Counter32, snmp.Gauge32, snmp.Counter64, snmp.Uinteger32:
		if number, err := v.Uint(); err == nil {
			return withUnits(n, fmt.Sprint(number))
		}
	case snmp.TimeTicks:
		if ticks, err := v.Uint(); err == nil {
			return ticksText(ticks)
		}
	case snmp.ObjectIdentifier:
		if i := t.Find(v.Value); i.Node != nil {
			return i.String()
		}
		return snmp.OID(v.Value).String()
	case snmp.IPAddress:
		return addressText(v.Value)
	case snmp.Opaque:
		if number, err := v.Float(); err == nil {
			return fmt.Sprint(number)
		}
	case snmp.OctetString:
		return octetsText(n, v.Value)
	}
	return hexText(v.Value)
}
