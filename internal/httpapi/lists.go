package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"trapline/internal/api"
	"trapline/internal/human"
)

// Discovery holds the functions for lists of targets. Any may be nil.
type Discovery struct {
	Lists  func() []api.List
	Accept func(list string) error
}

// lists are the routes of lists of targets.
var lists = []route{
	gives("GET /api/v1/discovery", "Lists of targets that are kept elsewhere: when they were read, what they have, and what is not polled of it.",
		func(a *API, _ *http.Request) ([]api.List, error) { return a.Lists(), nil }),
	takes("POST /api/v1/discovery/{list}/accept", "Accepts a list as it is, in a cluster on all members: targets that it has lost all at once are polled no more, and their alarms are cleared; targets that assign names get the names that it gives today.",
		func(a *API, r *http.Request, _ *nothing) (Done, error) {
			return Done{}, a.AcceptList(r.PathValue("list"))
		}),
}

// clusters are the routes of the cluster.
var clusters = []route{
	gives("GET /api/v1/cluster", "The cluster as this member sees it: who lives, who polls how much, and what has no owner.",
		func(a *API, r *http.Request) (api.Cluster, error) {
			return a.Cluster(r.Context())
		}),
}

// Cluster returns the state of the cluster.
func (a *API) Cluster(ctx context.Context) (api.Cluster, error) {
	if a.options.Cluster == nil {
		return api.Cluster{}, api.Errorf(api.ErrNotFound, "no cluster")
	}
	return a.options.Cluster(ctx)
}

// Lists returns the lists of targets.
func (a *API) Lists() []api.List {
	if a.options.Discovery.Lists == nil {
		return []api.List{}
	}
	return a.options.Discovery.Lists()
}

// attentionToLists is about lists that cannot be read, and those whose lost targets are held.
func attentionToLists(all []api.List) (list []api.Attention) {
	for i := range all {
		l := &all[i]
		for _, source := range l.Sources {
			if source.Error != "" {
				text := fmt.Sprintf("The list %s (%s) cannot be read: %s. Its targets stay as they were.", l.Name, source.Name, strings.TrimSuffix(source.Error, "."))
				list = append(list, api.Attention{Kind: "list", Text: text, Path: "/configuration"})
			}
		}
		if l.Held > 0 {
			text := fmt.Sprintf("The list %s lost %s at once, still polled: `trapline targets accept %s` drops them.", l.Name, human.Count(l.Held, "target", "targets"), l.Name)
			list = append(list, api.Attention{Kind: "list", Text: text, Path: "/configuration"})
		}
	}
	return list
}

// AcceptList accepts a list as it is.
func (a *API) AcceptList(name string) error {
	if a.options.Discovery.Accept == nil {
		return api.Errorf(api.ErrUnavailable, "no lists")
	}
	err := a.options.Discovery.Accept(name)
	if err == nil && a.union != nil {
		err = a.union.Everywhere("/api/v1/discovery/" + url.PathEscape(name) + "/accept")
	}
	return err
}
