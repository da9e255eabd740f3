package seek

import (
	"strings"
	"testing"

	"trapline/internal/access"
)

// The errors and the doubts of a scan name the part of it.
func TestScanSettings(t *testing.T) {
	auths := map[string]*access.Auth{"one": new(access.Auth{Version: 2}), "secure": new(access.Auth{Version: 3})}
	for want, s := range map[string]Scan{
		"networks: name at least one":    {Auths: []string{"one"}},
		"networks[0]: \"core\"":          {Networks: []string{"core"}, Auths: []string{"one"}},
		"auths: name at least one":       {Networks: []string{"10.0.0.0/24"}},
		"networks: the networks have":    {Networks: []string{"10.0.0.0/8"}, Auths: []string{"one"}},
		"port: write a number":           {Networks: []string{"10.0.0.0/24"}, Auths: []string{"one"}, Port: 70000},
		"networks[0]: 10.0.0.0/15 has":   {Networks: []string{"10.0.0.0/15"}, Auths: []string{"secure", "one"}},
		"networks[0]: 8.8.8.0/24 is pub": {Networks: []string{"8.8.8.0/24"}, Auths: []string{"one"}},
		"":                               {Networks: []string{"8.8.0.0/15"}, Auths: []string{"secure"}},
	} {
		var got string
		for _, m := range append(s.Problems(), s.DoubtsOfCommunities(auths)...) {
			got += m.Path + ": " + m.Text + "\n"
		}
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%+v: %s, want %s", s, got, want)
		}
	}
}
