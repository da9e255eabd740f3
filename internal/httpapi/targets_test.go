package httpapi

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/api"
)

func listed(t *testing.T, r *rig, q api.TargetQuery) (names []string, list api.TargetList) {
	t.Helper()
	list, err := r.api.Fleet.Targets(q)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range list.Targets {
		names = append(names, one.Name)
	}
	return names, list
}

func TestTargetsAreSearchedSortedAndCounted(t *testing.T) {
	play(t, sites(6, "berlin", "oslo"), func(r *rig) {
		if names, list := listed(t, r, api.TargetQuery{}); len(names) != 6 || list.Counts.Waiting != 6 || list.Targets[0].State != api.Waiting {
			t.Errorf("before the first poll: %v, %+v", names, list.Counts)
		}
		time.Sleep(2 * time.Minute)
		r.set("sw-03", silentDevice())
		time.Sleep(2 * time.Minute)
		names, list := listed(t, r, api.TargetQuery{})
		if names[0] != "sw-03" || list.Counts != (api.TargetCounts{Total: 6, Up: 5, Down: 1}) || list.Matched != 6 {
			t.Errorf("worst first: %v, %+v", names, list.Counts)
		}
		down := list.Targets[0]
		if down.State != api.Down || !strings.Contains(down.Problem.Text, "No answer to 4 requests in 8 s") || !strings.HasSuffix(down.Outcomes, "ud") && !strings.HasSuffix(down.Outcomes, "dd") {
			t.Errorf("%+v, %+v", down, down.Problem)
		}
		if up := list.Targets[1]; up.Loss != 0.1 || up.RTT != 0.003 || up.Window != 16 || up.SysName != "Rtr-Berlin.example.net" {
			t.Errorf("%+v", up)
		}
		for _, c := range []struct {
			query api.TargetQuery
			want  string
		}{
			{api.TargetQuery{Text: "SW-02"}, "sw-02"},
			{api.TargetQuery{Text: "rtr-berlin site=oslo state=up"}, "sw-01 sw-05"},
			{api.TargetQuery{Text: "site!=oslo"}, "sw-00 sw-02 sw-04"},
			{api.TargetQuery{Text: `site="oslo" state=down`}, "sw-03"},
			{api.TargetQuery{Text: "reason=timeout"}, "sw-03"},
			{api.TargetQuery{Text: `target=~"sw-0[12]|sw-05" site!~b.*`}, "sw-01 sw-05"},
			{api.TargetQuery{Text: "target=~sw site=~."}, ""}, // an expression matches as a whole
			{api.TargetQuery{Text: "up=0"}, "sw-03"},
			{api.TargetQuery{Text: "up=1 state!~up|waiting"}, ""},
			{api.TargetQuery{Text: "module=m auth=public_v2 sw-01"}, "sw-01"},
			{api.TargetQuery{Text: "nothing like it"}, ""},
			{api.TargetQuery{Sort: "-name", Limit: 2}, "sw-00 sw-01"},
			{api.TargetQuery{Sort: "-duration", Limit: 1}, "sw-03"},
			{api.TargetQuery{Sort: "name", Offset: 4}, "sw-04 sw-05"},
			{api.TargetQuery{Sort: "name", Offset: 40}, ""},
		} {
			if names, _ := listed(t, r, c.query); strings.Join(names, " ") != c.want {
				t.Errorf("%+v: %v, want %s", c.query, names, c.want)
			}
		}
		if _, list := listed(t, r, api.TargetQuery{Text: "site=oslo state=down"}); list.Counts.Total != 3 || list.Matched != 1 {
			t.Errorf("counts leave state= out: %+v", list)
		}
		for _, q := range []api.TargetQuery{{Sort: "color"}, {Text: "site=~("}, {Text: "site=~(x{1000}){1000}"}} {
			if _, err := r.api.Fleet.Targets(q); !errors.Is(err, api.ErrBadRequest) {
				t.Errorf("%+v: %v", q, err)
			}
		}
	})
}

// Service discovery has the targets that parameters select: each key with one of its values, and one of the match[].
func TestDevicesAreSelected(t *testing.T) {
	play(t, sites(6, "berlin", "oslo"), func(r *rig) {
		r.set("sw-03", silentDevice())
		time.Sleep(3 * time.Minute)
		version := r.api.Own.Fleet.DevicesVersion()
		for query, want := range map[string]string{
			"":                           "sw-00 sw-01 sw-02 sw-03 sw-04 sw-05",
			"site=oslo&up=1":             "sw-01 sw-05",
			"up=0":                       "sw-03",
			"site=oslo&site=berlin&up=0": "sw-03",
			"site=paris":                 "",
			"match[]={site=\"oslo\",target!~\"sw-0[13]\"}&match[]=target=sw-00": "sw-00 sw-05",
			"match[]={target=~\"sw-0[0-2]\"}&site=oslo":                         "sw-01",
		} {
			parameters, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			list, err := r.api.Own.Fleet.Devices(parameters)
			var names []string
			for _, d := range list {
				names = append(names, d.Target.Name)
			}
			if got := strings.Join(names, " "); got != want || err != nil {
				t.Errorf("%s: %s, %v; want %s", query, got, err, want)
			}
		}
		if _, err := r.api.Own.Fleet.Devices(url.Values{"match[]": {"{"}}); !errors.Is(err, api.ErrBadRequest) {
			t.Error(err)
		}
		time.Sleep(10 * time.Minute)
		if again := r.api.Own.Fleet.DevicesVersion(); again != version {
			t.Error("polls that find nothing new make another version")
		}
		r.set("sw-00", silentDevice())
		time.Sleep(3 * time.Minute)
		if again := r.api.Own.Fleet.DevicesVersion(); again == version {
			t.Error("a target that is down makes no other version")
		}
	})
}

func TestTargetSaysWhyItIsDownAndWhatChanged(t *testing.T) {
	play(t, sites(3, "berlin"), func(r *rig) {
		time.Sleep(2 * time.Minute)
		for _, one := range []string{"sw-00", "sw-01"} {
			r.set(one, silentDevice())
		}
		time.Sleep(2 * time.Minute)
		got, err := r.api.Fleet.Target("sw-00")
		if err != nil {
			t.Fatal(err)
		}
		var steps []string
		for _, s := range got.Ladder {
			steps = append(steps, s.Name+" "+s.State)
		}
		if want := []string{"resolves ok", "sent ok", "answers failed", "view unknown"}; !slices.Equal(steps, want) {
			t.Errorf("%v", steps)
		}
		if notes := strings.Join(got.Problems[0].Notes, " "); !strings.Contains(notes, "It answered with auth public_v2 until") {
			t.Errorf("%q", notes)
		}
		if len(got.Changes) != 2 || got.Changes[0].State != api.Down || got.Changes[0].Text != "No answer to 4 requests in 8 s" || got.Changes[1].State != api.Up {
			t.Errorf("%+v", got.Changes)
		}
		if got.Identity.SysName != "Rtr-Berlin.example.net" || got.Version != "2c" || got.Polls < 3 || got.Answered.IsZero() {
			t.Errorf("%+v", got)
		}
		_, err = r.api.Fleet.Target("sw-0")
		var hinted *api.Hinted
		if !errors.Is(err, api.ErrNotFound) || !errors.As(err, &hinted) || !strings.Contains(hinted.Hint, "did you mean sw-0") {
			t.Errorf("%v", err)
		}
	})
}

func TestStatusSaysWhatNeedsAttention(t *testing.T) {
	play(t, sites(8, "berlin", "oslo"), func(r *rig) {
		time.Sleep(3 * time.Minute)
		if s := r.api.Status(); len(s.Attention) != 0 || s.Targets.Up != 8 || s.Polls.AnsweredRatio != 1 {
			t.Errorf("%+v", s)
		}
		for _, one := range []string{"sw-00", "sw-02", "sw-04", "sw-06"} {
			r.set(one, silentDevice())
		}
		time.Sleep(2 * time.Minute)
		s := r.api.Status()
		if s.Targets.Down != 4 || len(s.LastHour) == 0 || s.LastHour[len(s.LastHour)-1].Down != 4 || len(s.Slowest) != 4 {
			t.Errorf("%+v", s)
		}
		texts := ""
		for _, a := range s.Attention {
			texts += a.Text + "\n"
		}
		if !strings.HasPrefix(texts, "4 targets of site berlin stopped answering within ") {
			t.Errorf("%s", texts)
		}
	})
}
