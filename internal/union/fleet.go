package union

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"trapline/internal/alerting"
	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/cluster/peer"
	"trapline/internal/fleet"
)

// Fleet answers for the targets of all members. Its methods may be called concurrently.
type Fleet struct {
	union   *Union
	own     *fleet.Fleet
	devices devices
}

// NewFleet returns the fleet of a union of which a member has its own.
func NewFleet(u *Union, own *fleet.Fleet) *Fleet { return &Fleet{union: u, own: own} }

// StoreVersion is "", for the targets of others change unseen.
func (f *Fleet) StoreVersion() string { return "" }

// maxRows is how many rows a member answers with.
const maxRows = 100_000

// Targets returns the targets that q selects, of all members. Those whose member does not answer are in the state unknown.
func (f *Fleet) Targets(q api.TargetQuery) (api.TargetList, error) {
	offset, limit := max(q.Offset, 0), cmp.Or(max(q.Limit, 0), fleet.DefaultLimit)
	q.Offset, q.Limit = 0, min(offset+limit, maxRows)
	all, err := f.own.Targets(q)
	if err != nil {
		return all, err
	}
	values := url.Values{"q": {q.Text}, "sort": {q.Sort}, "limit": {strconv.Itoa(q.Limit)}}
	parts := gather[api.TargetList](f.union, list("/api/v1/targets?"+values.Encode()))
	more, err := answers(parts)
	if err != nil {
		return all, err
	}
	unknown, err := fleet.ListUnknown(q, f.unanswered(silent(parts)))
	if err != nil {
		return all, err
	}
	for _, p := range append(more, unknown) {
		all.Targets = append(all.Targets, p.Targets...)
		all.Matched += p.Matched
		addCounts(&all.Counts, &p.Counts)
	}
	if err := fleet.SortAnswers(all.Targets, q.Sort); err != nil {
		return all, err
	}
	before := len(all.Targets)
	all.Targets = once(all.Targets, func(t *api.TargetSummary) string { return t.Name })
	all.Matched -= before - len(all.Targets)
	begin := min(offset, len(all.Targets))
	all.Targets = all.Targets[begin:min(begin+limit, len(all.Targets))]
	return all, nil
}

// once leaves out all but the first of a key: what moves from one member to another may be in the answers of both.
func once[T any](list []T, key func(*T) string) []T {
	known := map[string]bool{}
	kept := list[:0]
	for i := range list {
		if k := key(&list[i]); !known[k] {
			known[k] = true
			kept = append(kept, list[i])
		}
	}
	return kept
}

func addCounts(to, part *api.TargetCounts) {
	to.Total += part.Total
	to.Up += part.Up
	to.Partial += part.Partial
	to.Down += part.Down
	to.Waiting += part.Waiting
	to.Unknown += part.Unknown
}

// silent returns why members have no part in an answer, by name.
func silent[T any](parts []part[T]) map[string]error {
	all := map[string]error{}
	for i := range parts {
		all[parts[i].of.Name] = parts[i].err
	}
	return all
}

// unanswered returns the targets that no member has answered for, of the members that were asked with these errors.
func (f *Fleet) unanswered(asked map[string]error) (list []fleet.Unanswered) {
	for t, owner := range f.union.members.Elsewhere() {
		if err, ok := asked[owner.Name]; ok && err == nil || f.own.HasTarget(t.Name) {
			continue
		}
		list = append(list, fleet.Unanswered{Target: t, Why: f.why(owner, asked[owner.Name])})
	}
	return list
}

// why says why nothing is known of the targets of a member.
func (f *Fleet) why(owner peer.Member, err error) string {
	switch {
	case owner.Name == "":
		return "no member of the cluster polls the target at the moment"
	case owner.Name == f.union.members.Name():
		return "this member is about to poll the target"
	case err == nil:
		return fmt.Sprintf("member %s of the cluster polls it, and was not asked yet", owner.Name)
	}
	return err.Error()
}

// place returns the member that polls a target. own says that this member answers: it polls the target.
func (f *Fleet) place(name string) (owner peer.Member, own bool, err error) {
	if f.own.HasTarget(name) {
		return owner, true, nil
	}
	t, owner := f.union.members.Target(name)
	switch {
	case t == nil:
		err = f.NoTarget(name)
	case owner.Name == "" || owner.Name == f.union.members.Name():
		err = api.Errorf(api.ErrUnavailable, "%s", f.why(owner, nil))
	}
	return owner, false, err
}

// NoTarget says that there is no target of a name, and which one may be meant.
func (f *Fleet) NoTarget(name string) error {
	var names []string
	for t := range f.union.members.Elsewhere() {
		names = append(names, t.Name)
	}
	return f.own.NoTargetOf(name, names)
}

// HasTarget reports whether there is a target of a name.
func (f *Fleet) HasTarget(name string) bool {
	t, _ := f.union.members.Target(name)
	return t != nil || f.own.HasTarget(name)
}

func targetPath(name string, more ...string) string {
	path := "/api/v1/targets/" + url.PathEscape(name)
	for _, m := range more {
		path += "/" + url.PathEscape(m)
	}
	return path
}

// Target returns all that is known about a target. If its member does not answer, these are its settings.
func (f *Fleet) Target(name string) (t api.Target, err error) {
	owner, own, err := f.place(name)
	if own {
		return f.own.Target(name)
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), answerWait)
		defer cancel()
		err = f.union.ask(ctx, &peer.Request{To: owner, Path: targetPath(name)}, &t)
		if err == nil && t.Name != name {
			err = &silence{owner.Name, fmt.Errorf("it answers for target %.100q", t.Name)}
		}
	}
	if configured, _ := f.union.members.Target(name); configured != nil && errors.Is(err, api.ErrUnavailable) {
		return (&fleet.Unanswered{Target: configured, Why: err.Error()}).Answer(), nil
	}
	return t, err
}

// TableOf returns rows of a table of a target.
func (f *Fleet) TableOf(q api.TableQuery) (t api.Table, err error) {
	owner, own, err := f.place(q.Target)
	if own {
		return f.own.TableOf(q)
	}
	if err != nil {
		return t, err
	}
	values := url.Values{"limit": {strconv.Itoa(q.Limit)}, "offset": {strconv.Itoa(q.Offset)}}
	for name, wanted := range map[string]bool{"rates": q.Rates, "history": q.History} {
		if wanted {
			values.Set(name, "1")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerWait)
	defer cancel()
	err = f.union.ask(ctx, &peer.Request{To: owner, Path: targetPath(q.Target, "tables", q.Table) + "?" + values.Encode()}, &t)
	return t, err
}

// Poll polls a target at once, and waits until that has ended.
func (f *Fleet) Poll(ctx context.Context, name string) error {
	owner, own, err := f.place(name)
	if own {
		return f.own.Poll(ctx, name)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	return f.union.ask(ctx, post(owner, targetPath(name, "poll"), struct{}{}), nil)
}

// Walk walks a subtree of a target.
func (f *Fleet) Walk(ctx context.Context, name, subtree string, limit int, row func(api.WalkRow) error) error {
	owner, own, err := f.place(name)
	if own {
		return f.own.Walk(ctx, name, subtree, limit, row)
	}
	if err != nil {
		return err
	}
	body, leave, err := f.walk(ctx, owner, name, &api.WalkRequest{What: subtree, Limit: limit})
	if err != nil {
		return err
	}
	defer leave()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			api.Answer
			api.WalkRow
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return &silence{owner.Name, err}
		}
		switch line.Status {
		case "":
			if err := row(line.WalkRow); err != nil {
				return err
			}
		case "success":
			return nil
		default:
			return line.Failure()
		}
	}
	return &silence{owner.Name, cmp.Or(lines.Err(), io.ErrUnexpectedEOF)}
}

// Record writes a walk as a recording.
func (f *Fleet) Record(ctx context.Context, name, subtree string, limit int, w io.Writer) error {
	owner, own, err := f.place(name)
	if own {
		return f.own.Record(ctx, name, subtree, limit, w)
	}
	if err != nil {
		return err
	}
	body, leave, err := f.walk(ctx, owner, name, &api.WalkRequest{What: subtree, Limit: limit, Format: "snmprec"})
	if err != nil {
		return err
	}
	defer leave()
	n, err := io.Copy(w, body)
	if err == nil && n == maxPart {
		err = &silence{owner.Name, fmt.Errorf("the recording has more than %d octets", maxPart)}
	}
	return err
}

// walk asks for a walk. The lines that follow have maxPart octets at most.
func (f *Fleet) walk(ctx context.Context, owner peer.Member, name string, in *api.WalkRequest) (io.Reader, func(), error) {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	q := post(owner, targetPath(name, "walk"), in)
	q.Stream = true
	answer, leave, err := f.union.open(ctx, q)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	return io.LimitReader(answer.Body, maxPart), func() {
		leave()
		cancel()
	}, nil
}

// triedPath is the path by which members ask for their parts in the trial of an expression.
const triedPath = "/rules/try"

// usagesPath is the path by which members ask how much their targets use modules.
const usagesPath = "/modules/usages"

// Register adds the paths for other members.
func (f *Fleet) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+devicesPath, f.serveDevices)
	mux.HandleFunc("GET "+usagesPath, answered(func(*http.Request) (map[string]*catalog.Usage, error) { return f.own.Usages(), nil }))
	mux.HandleFunc("POST "+triedPath, answered(func(r *http.Request) (*alerting.Tried, error) {
		var q api.TryRequest
		if err := json.NewDecoder(io.LimitReader(r.Body, maxRefusal)).Decode(&q); err != nil {
			return nil, api.Errorf(api.ErrBadRequest, "the body: %v", err)
		}
		return f.own.Tried(q)
	}))
}

// Try evaluates an expression over the targets of all members.
func (f *Fleet) Try(ctx context.Context, q api.TryRequest) (api.Try, error) {
	return f.own.TryWith(ctx, q, func() ([]*alerting.Tried, error) {
		parts, err := answers(gatherWithin[alerting.Tried](f.union, searchWait, posts(triedPath, q)))
		list := make([]*alerting.Tried, len(parts))
		for i := range parts {
			list[i] = &parts[i]
		}
		return list, err
	})
}

// explainer finds out why a metric is missing. *explain.Explainer is one.
type explainer interface {
	Why(ctx context.Context, target, metric, row string, live bool) (api.Why, error)
}

// Explainer explains what is missing of the targets of all members.
type Explainer struct {
	fleet *Fleet
	own   explainer
}

// NewExplainer returns the explainer of a fleet, of which a member has its own.
func NewExplainer(f *Fleet, own explainer) *Explainer { return &Explainer{f, own} }

// Why returns why a metric of a target is there or is not.
func (x *Explainer) Why(ctx context.Context, target, metric, row string, live bool) (why api.Why, err error) {
	owner, own, err := x.fleet.place(target)
	if own {
		return x.own.Why(ctx, target, metric, row, live)
	}
	if err != nil {
		return why, err
	}
	path, wait := targetPath(target, "why"), answerWait
	q := &peer.Request{To: owner, Path: path + "?" + url.Values{"metric": {metric}, "row": {row}}.Encode()}
	if live {
		q, wait = post(owner, path, &api.WhyRequest{Metric: metric, Row: row}), askWait
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return why, x.fleet.union.ask(ctx, q, &why)
}
