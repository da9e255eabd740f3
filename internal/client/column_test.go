package client_test

import (
	"fmt"
	"testing"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// An agent cannot give every row. Those that it can are not lost with them.
func TestRowsThatCannotBeReadAreLeftOut(t *testing.T) {
	const other = "1.3.6.1.2.1.2.2.1.2"
	for name, test := range map[string]struct {
		broken []int // rows of the first column
		lines  int
	}{
		"one in the middle":             {[]int{18}, 99},
		"the first, as the others show": {[]int{1}, 99},
		"the last":                      {[]int{50}, 99},
		"two neighbors":                 {[]int{20, 21}, 98},
		"too many of them":              {[]int{20, 21, 22, 23, 24}, 69},
	} {
		t.Run(name, func(t *testing.T) {
			var rows table
			for _, c := range []string{columnOID, other} {
				for i := range 50 {
					rows = append(rows, number(fmt.Sprintf("%s.%d", c, i+1), int64(i)))
				}
			}
			a := newAgent(t, func(q question) [][]byte {
				for at, name := range q.oids() {
					for _, v := range rows.after(name, int(q.ErrorIndex)) {
						for _, n := range test.broken {
							if v.Name.String() == fmt.Sprintf("%s.%d", columnOID, n) {
								return datagrams(q.refusal(snmp.GenErr, int32(at+1), v))
							}
						}
					}
				}
				return rows.answer(q)
			})
			x := target(t, client.Spec{Address: a.address})
			plan := client.Plan{Walk: walkOf(other, columnOID), Params: patient(10)}
			for range 3 { // also with cached statistics
				r := poll(t, x, plan)
				if len(r.errors) != 1 || r.errors[0].Reason != access.ErrorStatus || r.errors[0].OID.String() != columnOID {
					t.Errorf("errors: %v", r.err)
				}
				r.wantLines(t, test.lines)
			}
		})
	}
}
