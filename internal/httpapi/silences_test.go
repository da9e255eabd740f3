package httpapi

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"trapline/internal/api"
)

// A silence of one alarm mutes that alarm alone, whatever characters its labels have. Matchers match the alarms that they
// mute, and open alarms are counted as they are listed.
func TestSilencesAndTheirAlarms(t *testing.T) {
	h := newHouse(t)
	console, random := h.api.Console, rand.New(rand.NewPCG(8, 7))
	for i, site := range []string{"berlin", `ber"lin`, `a\b`, "a\nb", "{x=~\".*\"}", "", "Zürich", "a,b", "'"} {
		h.raise(t, fmt.Sprintf("A%d", i), "minor", site)
		h.raise(t, "Same", "major", site)
	}
	check := func() {
		t.Helper()
		if _, err := console.Alarms(api.AlarmQuery{}); err != nil { // which counts are of the same moment as
			t.Fatal(err)
		}
		counts := console.OpenAlarms().Counts
		for term, n := range map[string]int{"": counts.Total, "muted=true": counts.Muted, "acknowledged=true": counts.Acknowledged, "muted=false acknowledged=false baseline=false": counts.Active} {
			if list, err := console.Alarms(api.AlarmQuery{Text: term}); err != nil || len(list) != n {
				t.Errorf("%q: %v, %d alarms, and %d are counted", term, err, len(list), n)
			}
		}
	}
	all, err := console.Alarms(api.AlarmQuery{})
	if err != nil || len(all) != 18 {
		t.Fatalf("%v, %d alarms", err, len(all))
	}
	muted := map[string]bool{}
	for _, i := range random.Perm(len(all))[:9] {
		a := all[i]
		n := api.NewSilence{Alarm: a.ID, For: "1h", By: "anna", Comment: "known"}
		matched, err := console.Matched(n)
		if err != nil || len(matched) != 1 || matched[0].ID != a.ID {
			t.Errorf("%q: %v, matches %d", a.Labels["site"], err, len(matched))
		}
		if _, err := console.Silence(n); err != nil {
			t.Fatal(err)
		}
		muted[a.ID] = true
		if random.IntN(2) == 0 {
			if err := console.Acknowledge(a.ID, api.Ack{By: "anna"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := console.Acknowledge(all[0].ID, api.Ack{By: "anna"}); err != nil {
		t.Fatal(err)
	}
	after, _ := console.Alarms(api.AlarmQuery{})
	for _, a := range after {
		if (len(a.Mutes) > 0) != muted[a.ID] {
			t.Errorf("%q: muted by %q", a.Labels["site"], a.Mutes)
		}
	}
	check()
	list, err := console.Silences(api.SilenceQuery{State: "active", Limit: 4, Offset: 7})
	if err != nil || list.Active != 9 || len(list.Silences) != 2 || list.Silences[0].Alarms != 1 {
		t.Errorf("%v, %+v", err, list)
	}
	id, err := console.Silence(api.NewSilence{Matchers: `alertname="Same", site!=""`, For: "1d", By: "anna", Comment: "upgrade"})
	if err != nil {
		t.Fatal(err)
	}
	check()
	if err := console.Expire(id); err != nil {
		t.Fatal(err)
	}
	check()
	if list, err = console.Silences(api.SilenceQuery{State: "expired"}); err != nil || len(list.Silences) != 1 || list.Silences[0].ID != id || time.Since(list.Silences[0].End) > time.Minute {
		t.Errorf("%v, %+v", err, list)
	}
}

// A refusal has its reason.
func TestSilencesThatAreRefused(t *testing.T) {
	h := newHouse(t)
	for _, test := range []struct {
		n    api.NewSilence
		want error
	}{
		{api.NewSilence{Matchers: "site=berlin", For: "1h", Comment: "known"}, api.ErrBadRequest},
		{api.NewSilence{Matchers: "site=berlin", For: "1h", By: "anna"}, api.ErrBadRequest},
		{api.NewSilence{Matchers: "site=berlin", For: "-1h", By: "anna", Comment: "known"}, api.ErrBadRequest},
		{api.NewSilence{Matchers: "site=berlin", For: "0s", By: "anna", Comment: "known"}, api.ErrBadRequest},
		{api.NewSilence{Matchers: "site=", For: "1h", By: "anna", Comment: "known"}, api.ErrBadRequest},
		{api.NewSilence{Matchers: "", For: "1h", By: "anna", Comment: "known"}, api.ErrBadRequest},
		{api.NewSilence{Alarm: "nosuch", For: "1h", By: "anna", Comment: "known"}, api.ErrNotFound},
	} {
		if _, err := h.api.Console.Silence(test.n); !errors.Is(err, test.want) {
			t.Errorf("%+v: %v", test.n, err)
		}
		if _, err := h.api.Console.Matched(test.n); !errors.Is(err, test.want) {
			t.Errorf("%+v: %v", test.n, err)
		}
	}
	if err := h.api.Console.Expire("nosuch"); !errors.Is(err, api.ErrNotFound) {
		t.Error(err)
	}
}
