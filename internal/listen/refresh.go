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
	judge   func(ctx context.Context, target string) error
	failed  func(target string, err error)
	slots   chan struct{}

	mu      sync.Mutex
	waiting map[string]*wish // of the targets whose poll runs or is about to
	running sync.WaitGroup
}

// wish says which rows are to be polled next. The zero value is nothing.
type wish struct {
	whole  bool
	rows   []row
	judged bool // rules are to look at the counts of its notifications
}

// row is a row of a table.
type row struct {
	tree  *mibs.Tree
	names string // see indexOf
	index string
}

func newRefreshes(l *Options) *refreshes {
	return &refreshes{
		refresh: l.Refresh, judge: l.Judge, slots: make(chan struct{}, maxRefreshes), waiting: map[string]*wish{},
		failed: func(target string, err error) {
			l.Logger.Warn("a target cannot be polled after its trap", "target", target, "err", err)
		},
	}
}

// want has more done about a target.
func (r *refreshes) want(ctx context.Context, target string, more wish) {
	if !more.whole && !more.judged && len(more.rows) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.waiting[target]
	if w == nil {
		w = &wish{}
		r.waiting[target] = w
		r.running.Go(func() { r.run(ctx, target) })
	}
	w.add(more)
}

func (w *wish) add(more wish) {
	w.judged = w.judged || more.judged
	w.whole = w.whole || more.whole
	for _, one := range more.rows {
		if !slices.Contains(w.rows, one) {
			w.rows = append(w.rows, one)
		}
	}
	if w.whole = w.whole || len(w.rows) > maxRows; w.whole {
		w.rows = nil
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
		if err := r.fulfill(ctx, target, next); err != nil && ctx.Err() == nil && !errors.Is(err, poller.ErrNoTarget) && !errors.As(err, new(*poller.PausedError)) {
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

// fulfill polls a target, and then has rules look at its counts: one after the other, as samples are stored in the order of
// their times.
func (r *refreshes) fulfill(ctx context.Context, target string, w *wish) (err error) {
	if w.whole || len(w.rows) > 0 {
		err = r.refresh(ctx, target, w.read())
	}
	if w.judged {
		err = errors.Join(err, r.judge(ctx, target))
	}
	return err
}

// next takes the wish of a target, nil if that is for nothing.
func (r *refreshes) next(target string) *wish {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.waiting[target]
	if !w.whole && !w.judged && len(w.rows) == 0 {
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

// repoll has the target of a trap polled, and its counts looked at, if that shall be.
func (w *worker) repoll(t *traps.Trap) {
	s := w.setup
	is := func(p varbind.Pattern) bool { return p.Matches(t.OID) }
	if t.Target == nil {
		return
	}
	next := wish{judged: s.judged}
	switch column, index := traps.FirstRow(t, s.in.Tree); {
	case slices.ContainsFunc(s.repolls.targets, is) || column == nil && slices.ContainsFunc(s.repolls.rows, is):
		next.whole = true
	case slices.ContainsFunc(s.repolls.rows, is):
		next.rows = []row{{s.in.Tree, indexOf(column), string(index)}}
	}
	w.listener.refreshes.want(w.context, t.Target.Name, next)
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
