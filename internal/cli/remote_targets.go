package cli

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
)

// TargetPage is how many targets are asked for at once.
const TargetPage = 1000

// Targets asks for all targets that a query selects, up to its limit. It returns them as the API writes them, too.
func (r *Remote) Targets(ctx context.Context, q api.TargetQuery) (list api.TargetList, raw json.RawMessage, err error) {
	var all []json.RawMessage
	for {
		page := TargetPage
		if q.Limit > 0 {
			page = min(page, q.Limit-len(all))
		}
		var part struct {
			Targets []json.RawMessage `json:"targets"`
			Matched int               `json:"matched"`
			Counts  api.TargetCounts  `json:"counts"`
		}
		query := url.Values{"q": {q.Text}, "sort": {q.Sort}, "limit": {strconv.Itoa(page)}, "offset": {strconv.Itoa(len(all))}}
		if _, err := r.Get(ctx, "/api/v1/targets", query, &part); err != nil {
			return list, nil, err
		}
		all = append(all, part.Targets...)
		list.Matched, list.Counts = part.Matched, part.Counts
		if len(part.Targets) == 0 || len(all) >= part.Matched || q.Limit > 0 && len(all) >= q.Limit {
			break
		}
	}
	list.Targets = make([]api.TargetSummary, len(all))
	for i, one := range all {
		if err := json.Unmarshal(one, &list.Targets[i]); err != nil {
			return list, nil, err
		}
	}
	if all == nil {
		all = []json.RawMessage{}
	}
	raw, err = json.Marshal(struct {
		Targets []json.RawMessage `json:"targets"`
		Matched int               `json:"matched"`
		Counts  api.TargetCounts  `json:"counts"`
	}{all, list.Matched, list.Counts})
	return list, raw, err
}

// TargetArg is the name of a target of a server.
func TargetArg(c *kingpin.CmdClause, server *ServerFlags) *string {
	return c.Arg("target", "Name of the target.").Required().HintAction(func() []string { return serverTargets(server) }).String()
}

// TargetPath is the path of a target in the API.
func TargetPath(name string) string { return "/api/v1/targets/" + url.PathEscape(name) }

// Target asks for a target. For a name that is not known it says which one may be meant.
func (r *Remote) Target(ctx context.Context, name string, into *api.Target) ([]byte, error) {
	raw, err := r.Get(ctx, TargetPath(name), nil, into)
	return raw, r.Suggesting(ctx, name, err)
}

// Suggesting adds the target that a name was probably meant to be, if the server has not.
func (r *Remote) Suggesting(ctx context.Context, name string, err error) error {
	var f *Failure
	if !AsUnknown(err, &f) {
		return err
	}
	advice := DidYouMean(name, r.targetNames(ctx))
	if advice == "" {
		advice = ". trapline targets lists them"
	}
	return Usagef("no target %q at %s%s", name, r.Base.Redacted(), advice)
}

// targetNames are the names of all targets, or nil if the server does not say.
func (r *Remote) targetNames(ctx context.Context) (names []string) {
	list, _, err := r.Targets(ctx, api.TargetQuery{Sort: "name"})
	if err != nil {
		return nil
	}
	for _, t := range list.Targets {
		names = append(names, t.Name)
	}
	return names
}
