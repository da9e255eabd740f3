package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"trapline/internal/agent"
	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/client"
	"trapline/internal/poller"
	"trapline/internal/snmp"
)

const (
	// maxWalkTime bounds a walk.
	maxWalkTime = 5 * time.Minute
	// maxQuestions is how many walks and live answers to why may be under way, over all targets.
	maxQuestions = 4
)

// Walk asks a target for a subtree, or an instance, by its name in a MIB or its OID, and hands row by row to row
// as they arrive: at most limit, 0 meaning api.MaxWalk. There may be one walk of a target and four in all; others are
// ErrBusy. An error of row ends the walk, and is returned.
func (f *Fleet) Walk(ctx context.Context, target, what string, limit int, row func(api.WalkRow) error) error {
	tree, err := f.catalog.Tree()
	if err != nil {
		return err
	}
	return f.walk(ctx, target, what, limit, func(v snmp.VarBind) error { return row(catalog.NewWalkRow(tree, v)) })
}

// Record is Walk that writes a recording (.snmprec), for trapline simulate and snmpsim.
func (f *Fleet) Record(ctx context.Context, target, what string, limit int, w io.Writer) error {
	return f.walk(ctx, target, what, limit, func(v snmp.VarBind) error {
		_, err := w.Write(agent.AppendLine(nil, v))
		return err
	})
}

// errEnough ends a walk that has as many rows as it may.
var errEnough = errors.New("enough rows")

func (f *Fleet) walk(ctx context.Context, name, what string, limit int, row func(snmp.VarBind) error) error {
	t, session, end, err := f.Session(name)
	if err != nil {
		return err
	}
	defer end()
	oids, err := f.catalog.Subtrees(what)
	if err != nil {
		return err
	}
	if limit <= 0 || limit > api.MaxWalk {
		limit = api.MaxWalk
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
	plan := client.Plan{Walk: oids, Alone: len(oids) == 1, Params: t.EffectiveParams()}
	start := time.Now()
	stats, err := session.Poll(ctx, &plan, yield)
	if rows == 0 && err == nil && len(oids) == 1 && oids[0].Valid() { // it may be an instance
		stats, err = session.Poll(ctx, &client.Plan{Get: oids, Alone: true, Params: plan.Params}, yield)
	}
	if errors.Is(over, errEnough) {
		return nil
	}
	if over != nil {
		return over
	}
	return f.unanswered(name, err, poller.Pass{Stats: stats, Duration: time.Since(start)})
}
