package httpapi

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/notify"
	"trapline/internal/outbox"
)

// fieldsOf are the fields of an alarm as JSON has it.
func fieldsOf(t *testing.T, a any) (fields map[string]any) {
	t.Helper()
	text, err := json.Marshal(a)
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fields
}

// Whatever a list says of an alarm, its own answer says too. Of cleared alarms a list does not say who was notified.
func TestAListSaysNothingThatTheAlarmDoesNot(t *testing.T) {
	for seed := range uint64(2) {
		random := rand.New(rand.NewPCG(seed, 17))
		h := newHouse(t, routeOf("nms-1", nil), routeOf("b", nil))
		if _, err := h.api.Console.Silence(api.NewSilence{Matchers: `alertname="A2"`, For: "1h", By: "anna", Comment: "known"}); err != nil {
			t.Fatal(err)
		}
		for range 40 {
			h.happen(t, random)
		}
		h.await(t, func() bool {
			list, err := h.api.Console.Receivers()
			return err == nil && list[0].Waiting+list[1].Waiting == 0
		})
		shown := map[string]bool{}
		for _, state := range []string{"raised", "cleared"} {
			list, err := h.api.Console.Alarms(api.AlarmQuery{State: state})
			if err != nil {
				t.Fatal(err)
			}
			for i := range list {
				row := &list[i]
				if shown[row.ID] {
					continue // an earlier life
				}
				shown[row.ID] = true
				one, err := h.api.Console.Alarm(row.ID)
				if err != nil {
					t.Fatal(err)
				}
				whole := fieldsOf(t, one)
				for name, value := range fieldsOf(t, row) {
					if name == "notified" && state == "cleared" {
						continue
					}
					if !reflect.DeepEqual(value, whole[name]) {
						t.Errorf("seed %d: %s of %s alarm %s is %v in the list, and alone %v", seed, name, state, row.Rule, value, whole[name])
					}
				}
			}
		}
		if len(shown) < 3 {
			t.Errorf("seed %d: %d alarms", seed, len(shown))
		}
	}
}

// happen has something happen to an alarm.
func (h *house) happen(t *testing.T, random *rand.Rand) {
	t.Helper()
	name := fmt.Sprint("A", random.IntN(6))
	labels := map[string]string{"alertname": name, "target": "core-1", "site": "berlin", "severity": []string{"minor", "major"}[random.IntN(2)]}
	a, err := notify.AlarmOf("", labels, map[string]string{"summary": name + " is wrong", "description": "because"})
	if err != nil {
		t.Fatal(err)
	}
	a.ID, a.Value = name, fmt.Sprint(random.IntN(9))
	now := time.Now()
	switch random.IntN(4) {
	case 0:
		err = h.outbox.Apply([]outbox.Transition{{Alarm: alarm.Alarm{ID: name, Reason: "over"}}}, now)
	case 1:
		if id := h.outbox.Identify(&a); slices.ContainsFunc(h.outbox.Active(), func(one alarm.Alarm) bool { return one.ID == id }) {
			err = h.api.Console.Acknowledge(id, api.Ack{By: "anna", Comment: "known", Sticky: random.IntN(2) == 0, Until: []string{"", "2h"}[random.IntN(2)]})
		}
	default:
		err = h.outbox.Apply([]outbox.Transition{{Alarm: a, Active: true}}, now)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// As CSV, alarms have a column for each field but their life.
func TestCSVOfAlarmsHasAllFields(t *testing.T) {
	columns := alarmRows(&[]api.Alarm{})[0]
	for i := range reflect.TypeFor[api.Alarm]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[api.Alarm]().Field(i).Tag.Get("json"), ",")
		if name != "life" && !slices.Contains(columns, name) {
			t.Errorf("there is no column %s", name)
		}
	}
	if row := alarmRows(&[]api.Alarm{{ID: "a"}})[1]; len(row) != len(columns) {
		t.Errorf("%d cells, %d columns", len(row), len(columns))
	}
}
