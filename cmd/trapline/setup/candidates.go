package setup

import (
	"errors"
	"io/fs"
	"maps"
	"slices"

	"trapline/config"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/poller"
	"trapline/internal/runtimeconfig"
	"trapline/internal/survey"
)

// candidates are the auths of the configuration, if there is one, and those that devices come with. Targets are those
// of the configuration.
func candidates(files []string, expandEnv bool) (list []survey.Candidate, targets []client.Spec, err error) {
	auths := map[string]*access.Auth{}
	c, err := config.Load(files, config.Options{ExpandEnv: expandEnv, Nothing: true})
	switch {
	case err == nil:
		auths = c.Auths
		for i := range c.Targets {
			targets = append(targets, client.Spec{Address: c.Targets[i].Address, Auth: auths[c.Targets[i].Auth]})
		}
	case runtimeconfig.AnyFile(files):
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(auths)) {
		builtin := name == poller.DefaultAuth && *auths[name] == *survey.PublicAuth(2)
		list = append(list, survey.Candidate{Name: name, Auth: auths[name], Known: !builtin, Builtin: builtin})
	}
	usual := []survey.Candidate{{Name: poller.DefaultAuth, Auth: survey.PublicAuth(2), Builtin: true}, {Name: "public_v1", Auth: survey.PublicAuth(1)}}
	for _, usual := range usual {
		same := func(c survey.Candidate) bool {
			return c.Auth.Version == usual.Auth.Version && c.Auth.Community == usual.Auth.Community && c.Auth.CommunityFile == ""
		}
		if !slices.ContainsFunc(list, same) {
			list = append(list, usual)
		}
	}
	return list, targets, nil
}

// isAbsent reports that a file is not there.
func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
