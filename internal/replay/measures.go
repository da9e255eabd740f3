package replay

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/expfmt"

	"trapline/collector"
	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/series"
)

// Device returns a session that answers from a recording.
func Device(r *agent.Recording) collector.Session { return &device{recording: r} }

// Auto polls a recording by the modules that are chosen for it among those of book.
func Auto(ctx context.Context, book *profile.Registry, r *agent.Recording) (*poller.Pass, error) {
	catalog := poller.NewCatalog(nil, nil, func() (*profile.Registry, error) { return book, nil })
	t, err := poller.NewTarget(&poller.TargetSettings{Name: "recording", Modules: []string{profile.Auto}}, &poller.Global{}, catalog)
	if err != nil {
		return nil, err
	}
	o := poller.PassOptions{Open: func(client.Spec) (collector.Session, error) { return Device(r), nil }, WrapCounters: true}
	return o.Run(ctx, t, true), nil
}

// Measures returns the series of a poll that measures make, in the text format of Prometheus: a line each, sorted.
func Measures(pass *poller.Pass) ([]string, error) {
	var sets []*series.Set
	for _, s := range pass.Sets {
		sets = append(sets, &series.Set{Columns: slices.DeleteFunc(slices.Clone(s.Columns), func(c series.Column) bool { return !c.Desc.Computed })})
	}
	var b bytes.Buffer
	e := series.NewEncoder(&b, expfmt.NewFormat(expfmt.TypeTextPlain), nil)
	if err := e.Encode([]series.Group{{Sets: sets}}); err != nil {
		return nil, err
	}
	if _, err := e.Close(); err != nil {
		return nil, err
	}
	return seriesLines(b.String()), nil
}

// seriesLines returns the lines of series of a text in the format of Prometheus, sorted.
func seriesLines(text string) (list []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	slices.Sort(list)
	return list
}

// Differences returns a line for each series that is missing (-), was not expected (+), or has another value (~). Want
// is a text in the format of Prometheus, got is sorted, as Measures returns it.
func Differences(want string, got []string) []string {
	wanted, values := map[string]string{}, map[string]string{}
	for _, line := range seriesLines(want) {
		name, value := cutValue(line)
		wanted[name] = value
	}
	var list []string
	for _, line := range got {
		name, value := cutValue(line)
		values[name] = value
		switch before, found := wanted[name]; {
		case !found:
			list = append(list, "+ "+line)
		case before != value:
			list = append(list, fmt.Sprintf("~ %s %s, expected %s", name, value, before))
		}
	}
	for name, value := range wanted {
		if _, found := values[name]; !found {
			list = append(list, "- "+name+" "+value)
		}
	}
	slices.SortFunc(list, func(a, b string) int { return strings.Compare(a[2:], b[2:]) })
	return list
}

// cutValue cuts a line at the space in front of the value. Values of labels may have spaces.
func cutValue(line string) (name, value string) {
	i := strings.LastIndexByte(line, ' ')
	return line[:max(i, 0)], line[i+1:]
}
