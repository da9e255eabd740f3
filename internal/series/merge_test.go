package series

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
)

// A merged group must be written as the original groups.
func TestMergedGroupsAreTheSameSeries(t *testing.T) {
	descs := []*Desc{{Name: "a", Help: "A."}, {Name: "b_total", Help: "B.", Type: Counter}, {Name: "c", Help: "C."}}
	label := func(name string) []byte { return AppendLabel(nil, 0, name, fmt.Appendf(nil, "%d\"", rand.IntN(5))) }
	for range 50 {
		var groups []Group
		var m Merger
		for target := range rand.IntN(5) {
			g := Group{Labels: AppendLabel(nil, 0, "target", fmt.Append(nil, target))}
			for range rand.IntN(3) {
				g.Sets = append(g.Sets, &Set{})
				for _, d := range descs {
					c := Column{Desc: d, Table: &Table{}}
					for range rand.IntN(3) {
						if rand.IntN(2) == 0 {
							c.Table.Labels = append(c.Table.Labels, label("row")...)
						}
						c.Table.AddRow()
						c.Values = append(c.Values, rand.Float64())
					}
					if rand.IntN(3) == 0 {
						for range c.Values {
							c.Extra = append(c.Extra, label("extra")...)
							c.ExtraEnds = append(c.ExtraEnds, uint32(len(c.Extra)))
						}
					}
					last := len(g.Sets) - 1
					g.Sets[last].Columns = append(g.Sets[last].Columns, c)
				}
			}
			groups = append(groups, g)
			m.Add(g)
		}
		for _, format := range []expfmt.Format{expfmt.FmtText, expfmt.FmtProtoDelim} {
			want, got := written(t, format, groups), written(t, format, []Group{m.Group()})
			if got != want {
				t.Fatalf("%s: got\n%s\nwant\n%s", format, got, want)
			}
		}
	}
}

func written(t *testing.T, format expfmt.Format, groups []Group) string {
	t.Helper()
	var b strings.Builder
	e := NewEncoder(&b, format, nil)
	if err := e.Encode(groups); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
