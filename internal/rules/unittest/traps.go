package unittest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"trapline/internal/alarm"
	"trapline/internal/notify"
	"trapline/internal/rules"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
)

// trapTest is the expected notifications up to a time.
type trapTest struct {
	At        place          `yaml:",inline"`
	EvalTime  model.Duration `yaml:"eval_time"`
	Alertname string         `yaml:"alertname"` // empty means of all alerts
	Traps     []expectedTrap `yaml:"traps"`
}

// expectedTrap is a notification. Empty fields match any value.
type expectedTrap struct {
	Kind         alarm.Kind `yaml:"kind"`
	Alertname    string     `yaml:"alertname"` // unless the test has it
	Notification string     `yaml:"notification"`
	VarBinds     string     `yaml:"varbinds"` // some of them, as in the annotation trap_varbinds
}

// readTraps reads the documents behind the first, which promtool ignores: exp_traps for the tests of the first, by
// their names.
func (f *file) readTraps(d *yaml.Decoder) error {
	for {
		var more struct {
			Tests []struct {
				At    place      `yaml:",inline"`
				Name  string     `yaml:"name"`
				Traps []trapTest `yaml:"exp_traps"`
			} `yaml:"tests"`
		}
		if err := d.Decode(&more); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		for _, m := range more.Tests {
			i := slices.IndexFunc(f.Tests, func(t test) bool { return t.Name == m.Name })
			if i < 0 {
				return fmt.Errorf("line %d: the first document has no test %q", m.At.line, m.Name)
			}
			f.Tests[i].TrapTests = append(f.Tests[i].TrapTests, m.Traps...)
		}
	}
}

// receiver represents any receiver: its notifications are those that rules name.
var receiver = []notify.ReceiverSettings{{Name: "any", Type: "trap", Format: "template"}}

// checkTraps evaluates the rules as the server does, at the end of each poll of a target.
func (r *run) checkTraps() error {
	if len(r.test.TrapTests) == 0 {
		return nil
	}
	set, problems := rules.Load(r.file.RuleFiles)
	if len(problems) > 0 {
		return problems[0]
	}
	feed, err := newFeed(r.test, r.options.Names)
	if err != nil {
		return err
	}
	every := setting.Duration{Duration: time.Duration(r.file.EvaluationInterval)}
	dry, err := rules.NewDryRun(rules.DryRunOptions{
		Configuration: rules.Configuration{Set: set, Targets: feed.targets, Settings: rules.Settings{Interval: every}, Names: r.options.Names},
		Receivers:     receiver,
	}, r.test.start())
	if err != nil {
		return err
	}
	defer dry.Close()
	var last time.Duration
	for _, t := range r.test.TrapTests {
		last = max(last, time.Duration(t.EvalTime))
	}
	var sent []notify.DrySent
	for n, at := 0, time.Duration(0); at <= last; n, at = n+1, at+feed.interval {
		more, err := dry.Evaluate(r.context, r.test.start().Add(at), feed.polls(n))
		if err != nil {
			return fmt.Errorf("at %s: %w", duration(at), err)
		}
		sent = append(sent, more...)
		for i := range r.test.TrapTests {
			if t := &r.test.TrapTests[i]; at <= time.Duration(t.EvalTime) && time.Duration(t.EvalTime)-at < feed.interval {
				r.compareTraps(t, sent)
			}
		}
	}
	return nil
}

func (r *run) compareTraps(t *trapTest, sent []notify.DrySent) {
	var got, want []string
	same := true
	n := 0
	for i := range sent {
		one := &sent[i]
		if t.Alertname != "" && one.Event.Alarm.Rule != t.Alertname {
			continue
		}
		got = append(got, r.trapText(one))
		if n < len(t.Traps) {
			w := &t.Traps[n]
			ok, err := r.matches(w, t.Alertname, one)
			if err != nil {
				r.fail(t.At.line, "exp_traps at %s: %w", t.EvalTime, err)
				return
			}
			same = same && ok
		}
		n++
	}
	for _, w := range t.Traps {
		want = append(want, w.text(t.Alertname))
	}
	if !same || n != len(t.Traps) {
		r.fail(t.At.line, "exp_traps at %s:\n    want:%s\n    got:%s", t.EvalTime, listed(want), listed(got))
	}
}

func listed(texts []string) string {
	if len(texts) == 0 {
		return " nothing"
	}
	return "\n    - " + strings.ReplaceAll(strings.Join(texts, "\n- "), "\n", "\n    ")
}

func (w *expectedTrap) text(alertname string) string {
	text := strings.TrimSpace(fmt.Sprintf("%s %s %s", w.Kind, w.alert(alertname), w.Notification))
	for line := range strings.Lines(w.VarBinds) {
		text += "\n    " + strings.TrimSpace(line)
	}
	return text
}

// alert returns the name of the alert of the notification.
func (w *expectedTrap) alert(otherwise string) string {
	if w.Alertname != "" {
		return w.Alertname
	}
	return otherwise
}

func (r *run) trapText(t *notify.DrySent) string {
	text := fmt.Sprintf("%s %s %s", t.Event.Kind, t.Event.Alarm.Rule, r.options.Names.NameOf(t.Notification.Trap))
	for _, v := range t.Notification.VarBinds {
		text += "\n    " + r.options.Line(v)
	}
	for _, fault := range t.Faults {
		text += "\n    ! " + fault
	}
	return text
}

// matches reports whether a notification is the expected one.
func (r *run) matches(w *expectedTrap, alertname string, t *notify.DrySent) (bool, error) {
	if w.Kind != t.Event.Kind || w.alert(alertname) != t.Event.Alarm.Rule {
		return false, nil
	}
	if w.Notification != "" {
		oid, _, err := r.options.Names.Notification(w.Notification)
		if err != nil || oid.Compare(t.Notification.Trap) != 0 {
			return false, err
		}
	}
	bindings, err := varbind.ParseBindings(w.VarBinds)
	if err != nil {
		return false, err
	}
	for i := range bindings {
		v, err := r.options.Names.VarBind(&bindings[i])
		if err != nil {
			return false, err
		}
		same := func(other snmp.VarBind) bool {
			return other.Name.Compare(v.Name) == 0 && other.Type == v.Type && string(other.Value) == string(v.Value)
		}
		if !slices.ContainsFunc(t.Notification.VarBinds, same) {
			return false, nil
		}
	}
	return true, nil
}
