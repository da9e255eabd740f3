package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"trapline/internal/topology"
	"trapline/internal/traps"

	"trapline/config/document"
	"trapline/internal/modules"
	"trapline/internal/mute"
	"trapline/internal/rules"
	"trapline/internal/setting"
	"trapline/internal/varbind"
	"trapline/mibs"
)

// readRules reads the rule files that the files name. It reports their errors with those of the files.
func (u *merged) readRules() {
	var files []string
	for _, s := range u.sources {
		for i, pattern := range s.Config.RuleFiles {
			at, shown := document.Path{"rule_files", document.Index(i)}, pattern
			if !filepath.IsAbs(pattern) {
				shown = relativeTo(pattern, s.File)
				pattern = filepath.Join(filepath.Dir(s.File), pattern)
			}
			matches, err := filepath.Glob(pattern)
			switch {
			case err != nil:
				s.Report(at, nil, "not a file name or a pattern of file names: "+err.Error())
			case len(matches) == 0 && strings.ContainsAny(pattern, "*?["):
				s.Warn(at, "no file matches "+shown)
			case len(matches) == 0:
				s.Report(at, nil, "there is no file "+shown)
			}
			for _, file := range matches {
				if !slices.Contains(files, file) {
					files = append(files, file)
				}
			}
		}
	}
	u.ruleFiles = files
	set, problems := rules.Load(files)
	for _, m := range problems {
		u.more = append(u.more, document.Problem{File: m.File, Line: m.Line, Text: m.Text})
	}
	if groups := u.thresholds(); len(groups) > 0 {
		set = set.With(groups...)
	}
	u.config.Rules = set
}

// relativeTo returns a pattern for use in messages, with the directory of file, to which it is relative.
func relativeTo(pattern, file string) string {
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		dir = filepath.Dir(file)
	}
	return fmt.Sprintf("%s (relative to %s)", pattern, dir)
}

// checkSeverities warns of receivers that no rule can reach.
func (u *merged) checkSeverities() {
	words := u.config.Rules.Severities()
	for _, s := range u.sources {
		for i := range s.Config.Receivers {
			for _, m := range s.Config.Receivers[i].Unreached(words) {
				s.Warn(document.Path{"receivers", document.Index(i), m.Path}, m.Text)
			}
		}
	}
}

// thresholds returns the rules of the thresholds, a group for each file.
func (u *merged) thresholds() (groups []*rules.Group) {
	for _, s := range u.sources {
		line := func(i int) int {
			_, at := document.Find(s.Tree, document.Path{"thresholds", document.Index(i)})
			return at.Line
		}
		if list := s.Config.Thresholds; len(list) > 0 {
			groups = append(groups, rules.ThresholdGroup(s.File, list, line))
		}
	}
	return groups
}

// checkTrapRules reports names in `trap_rules` that no MIB has, and expressions that cannot be evaluated.
func (u *merged) checkTrapRules(o Options) {
	dirs := slices.Concat(o.MIBDirs, u.config.MIBs.Dirs)
	var texts []string
	for _, s := range u.sources {
		texts = append(texts, string(s.Raw))
	}
	names := varbind.Names(sync.OnceValues(func() (*mibs.Tree, error) { return modules.MIBsFor(dirs, texts...) }))
	var earlier []traps.Settings
	for _, s := range u.sources {
		for i := range s.Config.Receivers {
			for _, m := range s.Config.Receivers[i].Forward.Check(names) {
				reporterBelow(s, document.Path{"receivers", document.Index(i), "forward"})(m.Path, m.Text)
			}
		}
		for _, m := range s.Config.Listen.Check(names) {
			reporterBelow(s, document.Path{"listen"})(m.Path, m.Text)
		}
		for i := range s.Config.TrapRules {
			r := &s.Config.TrapRules[i]
			report := reporterBelow(s, document.Path{"trap_rules", document.Index(i)})
			for _, m := range r.Check(names) {
				report(m.Path, m.Text)
			}
			if text := exprProblem(r.Until); text != "" {
				report("until", text)
			}
			if r.DuplicateOf(earlier) >= 0 {
				report("", fmt.Sprintf("another trap rule has the alert %q on %s: merge them", r.Alert, r.On))
			}
			earlier = append(earlier, *r)
		}
	}
}

// checkInhibitRules warns of names of alarms that are probably misspelled. Others may come from outside.
func (u *merged) checkInhibitRules() {
	known := u.alertnames()
	for _, s := range u.sources {
		for i := range s.Config.InhibitRules {
			for _, name := range s.Config.InhibitRules[i].Alertnames() {
				if question := setting.DidYouMean(name, known); question != "" && !slices.Contains(known, name) {
					s.Warn(document.Path{"inhibit_rules", document.Index(i)}, fmt.Sprintf("no rule has the alertname %q: %s", name, question))
				}
			}
		}
	}
}

// exprProblem returns the error of an expression, or "".
func exprProblem(expr string) string {
	if expr == "" {
		return ""
	}
	_, problems, _ := rules.Parse("", []byte("groups: [{name: g, rules: [{alert: a, expr: "+strconv.Quote(expr)+"}]}]"))
	if len(problems) == 0 {
		return ""
	}
	_, text, _ := strings.Cut(problems[0].Text, `"a": `) // where it is in the group
	return cmp.Or(text, problems[0].Text)
}

// warnOfNoEffect warns of settings that have no effect without others that are missing.
func (u *merged) warnOfNoEffect() {
	receives := u.config.Listen.Enabled()
	for _, s := range u.sources {
		if len(s.Config.TrapRules) > 0 && !receives {
			s.Warn(document.Path{"trap_rules"}, "nothing is received without listen: write listen: {addresses: [\":162\"], auths: [NAME]}")
		}
		for i := range s.Config.Receivers {
			r, at := &s.Config.Receivers[i], document.Path{"receivers", document.Index(i)}
			if len(r.Forward.Traps) > 0 && !receives {
				s.Warn(at.Below("forward"), "nothing is received without listen: write listen: {addresses: [\":162\"], auths: [NAME]}")
			}
			if r.UnlessAcknowledged && r.Delay.IsZero() {
				s.Warn(at.Below("unless_acknowledged"), "without a delay an alarm is sent before anybody can acknowledge it: write delay: 15m")
			}
		}
	}
	u.warnOfParents()
	u.warnOfRings()
	u.warnOfMissingFiles()
	u.warnOfAgent()
}

// warnOfRings warns of parents that lead in a ring: no target is a root then, and the ring holds no alarm back.
func (u *merged) warnOfRings() {
	if len(u.config.Topology.Roots) > 0 {
		return
	}
	parents := map[string][]string{}
	for i := range u.config.Targets {
		parents[u.config.Targets[i].Name] = u.config.Targets[i].Parents
	}
	ring := topology.Ring(parents)
	for _, s := range u.sources {
		for i := range s.Config.Targets {
			if slices.Contains(ring, s.Config.Targets[i].Name) {
				list := strings.Join(ring[:min(len(ring), maxListed)], ", ")
				s.Warn(document.Path{"targets", document.Index(i), "parents"}, fmt.Sprintf("the parents of %s lead in a ring: no alarm is held back there and behind: write topology: {roots: [NAME]}, with the targets next to Trapline", list))
				return
			}
		}
	}
}

// warnOfMissingFiles warns of files of requests that are missing: they are read when a request is sent.
func (u *merged) warnOfMissingFiles() {
	for _, s := range u.sources {
		for i := range s.Config.Receivers {
			warnOfMissing(s, document.Path{"receivers", document.Index(i), "http_config"}, s.Config.Receivers[i].HTTPConfig)
		}
		for i := range s.Config.Discovery {
			warnOfMissing(s, document.Path{"discovery", document.Index(i)}, &s.Config.Discovery[i])
		}
	}
}

func warnOfMissing(s *configSource, at document.Path, settings any) {
	for _, m := range setting.MissingFiles(settings) {
		s.Warn(at.Below(m.Path), m.Text)
	}
}

// warnOfAgent warns of an agent that has no tables.
func (u *merged) warnOfAgent() {
	for _, s := range u.sources {
		if len(s.Config.Listen.Agent) > 0 && u.config.Notifications.EnterpriseOID.IsZero() {
			s.Warn(document.Path{"listen", "agent"}, "without an enterprise OID only system and snmpEngine are answered: write notifications: {enterprise_oid: 1.3.6.1.4.1.NUMBER} for the table of active alarms")
		}
	}
}

// warnOfParents warns of parents while no rule raises what topology.down names. Without rules all alarms come from outside.
func (u *merged) warnOfParents() {
	down, known := u.downAlert(), u.alertnames()
	if down == "" || len(known) == 0 || slices.Contains(known, down) {
		return
	}
	text := fmt.Sprintf("no rule raises %s, the alarm of devices that are down: write rule_files: [rules/*.yml], or the name of your alarm in topology.down", down)
	if question := setting.DidYouMean(down, known); question != "" {
		text = fmt.Sprintf("no rule raises %s, which topology.down names: %s", down, question)
	}
	for _, s := range u.sources {
		for i := range s.Config.Targets {
			if len(s.Config.Targets[i].Parents) > 0 {
				s.Warn(document.Path{"targets", document.Index(i), "parents"}, text)
				return
			}
		}
	}
}

// downAlert returns the alertname that the matchers of topology.down demand, or "".
func (u *merged) downAlert() string {
	m, err := u.config.Topology.Matchers()
	if err != nil {
		return "" // it is reported
	}
	return mute.Alertname(m)
}

// alertnames returns the names of the alarms of all rules.
func (u *merged) alertnames() (known []string) {
	for _, r := range u.config.Rules.Rules() {
		known = append(known, r.Alert)
	}
	for i := range u.config.TrapRules {
		known = append(known, u.config.TrapRules[i].Alert)
	}
	return known
}
