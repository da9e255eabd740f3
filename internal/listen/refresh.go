package listen

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"trapline/internal/poller"
	"trapline/internal/snmp"
	"trapline/internal/traps"
	"trapline/internal/varbind"
	"trapline/mibs"
)

const (
	// refreshSpacing is the time between two polls of a target that traps cause.
	refreshSpacing = time.Second
	// maxRefreshes is how many targets are polled at once because of traps.
	maxRefreshes = 100
	// maxRows is how many rows of a target wait to be read. With more, the target is polled.
	maxRows = 32
)

// refreshes polls targets because of traps: one poll of each target at a time, and one that waits.
type refreshes struct {
	refresh func(ctx context.Context, target string, rows *poller.Rows) error
	failed  func(target string, err error)
	slots   chan struct{}

	mu      sync.Mutex
	waiting map[string]*wish // of the targets whose poll runs or is about to
	running sync.WaitGroup
}

// wish says which rows are to be polled next. The zero value is nothing.
type wish struct {
	whole bool
	rows  []row
}

// row is a row of a table.
type row struct {
	tree  *mibs.Tree
	names string // see indexOf
	index string
}

func newRefreshes(l *Options) *refreshes {
	return &refreshes{
		refresh: l.Refresh, slots: make(chan struct{}, maxRefreshes), waiting: map[string]*wish{},
		failed: func(target string, err error) {
			l.Logger.Warn("a target cannot be polled after its trap", "target", target, "err", err)
		},
	}
}

// want has a target polled, or a row of it.
func (r *refreshes) want(ctx context.Context, target string, one *row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.waiting[target]
	if w == nil {
		w = &wish{}
		r.waiting[target] = w
		r.running.Go(func() { r.run(ctx, target) })
	}
	switch {
	case one == nil || len(w.rows) >= maxRows && !slices.Contains(w.rows, *one):
		w.whole, w.rows = true, nil
	case !w.whole && !slices.Contains(w.rows, *one):
		w.rows = append(w.rows, *one)
	}
}

// run polls a target until nothing more is wanted of it.
func (r *refreshes) run(ctx context.Context, target string) {
	for {
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		next := r.next(target)
		if next == nil {
			<-r.slots
			return
		}
		if err := r.refresh(ctx, target, next.read()); err != nil && ctx.Err() == nil && !errors.Is(err, poller.ErrNoTarget) {
			r.failed(target, err)
		}
		<-r.slots
		select {
		case <-time.After(refreshSpacing):
		case <-ctx.Done():
			return
		}
	}
}

// next takes the wish of a target, nil if that is for nothing.
func (r *refreshes) next(target string) *wish {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.waiting[target]
	if !w.whole && len(w.rows) == 0 {
		delete(r.waiting, target)
		return nil
	}
	r.waiting[target] = &wish{}
	return w
}

// read returns the rows to read, nil for the whole target.
func (w *wish) read() *poller.Rows {
	if w.whole {
		return nil
	}
	rows := &poller.Rows{Of: func(column snmp.OID) bool {
		return slices.ContainsFunc(w.rows, func(r row) bool { return r.has(column) })
	}}
	for _, one := range w.rows {
		if index := snmp.OID(one.index); !slices.ContainsFunc(rows.Indexes, func(o snmp.OID) bool { return o.Compare(index) == 0 }) {
			rows.Indexes = append(rows.Indexes, index)
		}
	}
	return rows
}

// has reports whether a column has the row.
func (r *row) has(column snmp.OID) bool {
	return len(column) > 0 && r.names != "" && indexOf(r.tree.Find(column).Node) == r.names
}

// repolls says which notifications have their row or their target polled.
type repolls struct {
	rows, targets []varbind.Pattern
}

// The values of `repoll`.
const repollRow, repollTarget = "row", "target"

// defaultRepolls are the notifications after which a target is polled unless `repoll` is set.
var defaultRepolls = map[string]string{
	"1.3.6.1.6.3.1.1.5.1": repollTarget, "1.3.6.1.6.3.1.1.5.2": repollTarget, // coldStart, warmStart
	"1.3.6.1.6.3.1.1.5.3": repollRow, "1.3.6.1.6.3.1.1.5.4": repollRow, // linkDown, linkUp
}

// repoll has the target of a trap polled, if it shall be.
func (w *worker) repoll(t *traps.Trap) {
	s := w.setup
	is := func(p varbind.Pattern) bool { return p.Matches(t.OID) }
	if t.Target == nil {
		return
	}
	switch column, index := traps.FirstRow(t, s.in.Tree); {
	case slices.ContainsFunc(s.repolls.targets, is) || column == nil && slices.ContainsFunc(s.repolls.rows, is):
		w.listener.refreshes.want(w.context, t.Target.Name, nil)
	case slices.ContainsFunc(s.repolls.rows, is):
		w.listener.refreshes.want(w.context, t.Target.Name, &row{s.in.Tree, indexOf(column), string(index)})
	}
}

// indexOf returns the names of the objects that the rows of a column have in their INDEX: tables with the same ones have
// the same rows.
func indexOf(column *mibs.Node) (names string) {
	if column == nil || column.Row == nil {
		return ""
	}
	for _, part := range column.Row.Index {
		names += part.Name + " "
	}
	return names
}
