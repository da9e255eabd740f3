package fleet

import (
	"slices"
	"strings"

	"trapline/internal/api"
	"trapline/internal/poller"
	"trapline/internal/profile"
)

// matches reports whether a target fulfills the terms, those of its state left out.
func matches(u *poller.Summary, list []api.Term) bool {
	for _, t := range list {
		switch {
		case t.Key == "state":
		case t.Key == "" && !strings.Contains(u.Search, t.Value):
			return false
		case t.Key != "" && holds(&t, u) == t.Not:
			return false
		}
	}
	return true
}

// matchesState reports whether a target fulfills the terms of its state.
func matchesState(u *poller.Summary, list []api.Term) bool {
	for _, t := range list {
		if t.Key == "state" && strings.EqualFold(t.Value, u.State.String()) == t.Not {
			return false
		}
	}
	return true
}

func holds(t *api.Term, u *poller.Summary) bool {
	switch t.Key {
	case "name", poller.TargetLabel:
		return strings.EqualFold(u.Target.Name, t.Value)
	case "address":
		return strings.EqualFold(u.Target.Spec.Address, t.Value)
	case "auth":
		return u.Target.AuthName == t.Value
	case "module":
		return slices.Contains(u.Target.ModuleNames(), t.Value) || slices.Contains(polledModules(u), t.Value)
	case "kind":
		return strings.EqualFold(chosenFor(u), t.Value)
	case "reason", "error":
		return hasReason(u, t.Value)
	}
	return strings.EqualFold(u.Target.Labels[t.Key], t.Value)
}

// polledModules are the names of the modules of the last poll, those chosen by a profile included.
func polledModules(u *poller.Summary) (names []string) {
	if u.Last == nil {
		return nil
	}
	for _, m := range u.Last.Modules {
		names = append(names, m.Name)
	}
	return names
}

func hasReason(u *poller.Summary, reason string) bool {
	if u.Last == nil {
		return false
	}
	if reason == "duplicate" && len(u.Last.Duplicates) > 0 {
		return true
	}
	for _, e := range u.Last.Errors {
		if string(e.Reason) == reason {
			return true
		}
	}
	return false
}

// chosenFor is the profile that was chosen for a target, "" where there is none.
func chosenFor(u *poller.Summary) string {
	for _, p := range []*poller.Pass{u.Last, u.Answered} {
		if p != nil && p.Choice != nil {
			return p.Choice.Profile()
		}
	}
	return ""
}

// kindOf is the profile of a target; "" where it is the one that fits any device.
func kindOf(u *poller.Summary) string {
	if name := chosenFor(u); name != profile.Default {
		return name
	}
	return ""
}
