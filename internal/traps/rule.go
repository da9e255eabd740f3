package traps

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"trapline/internal/alarm"
	"trapline/internal/notify"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// Rule is a rule whose names are resolved.
type Rule struct {
	*Settings
	on          varbind.Pattern
	clears      []varbind.Pattern
	match       []matcher
	key         []object
	labels      []text
	annotations []text
}

// object is an object of notifications.
type object struct {
	name string // of the label
	oid  snmp.OID
}

// matcher is a condition of an object, or of the value with a number.
type matcher struct {
	oid    snmp.OID
	number int // from 1; 0 if there is an object
	value  setting.AnchoredRegexp
}

// about reports whether the condition is about a variable binding, which has a number.
func (m *matcher) about(v *snmp.VarBind, number int) bool {
	if m.number > 0 {
		return m.number == number
	}
	return isObject(v, m.oid)
}

// text is a label or an annotation.
type text struct {
	name     string
	template *template.Template
}

// Check returns the names in a rule that MIBs do not have.
func (r *Settings) Check(names varbind.Names) []setting.Problem {
	_, problems := Compile(r, names)
	return problems
}

// Compile resolves the names in a rule, and returns those that MIBs do not have.
func Compile(r *Settings, names varbind.Names) (*Rule, []setting.Problem) {
	var m setting.Problems
	c := &Rule{Settings: r}
	var err error
	if c.on, err = names.Pattern(r.On); err != nil && r.On != "" {
		m.Add("on", "%v", err)
	}
	for i, name := range r.Clear {
		p, err := names.Pattern(name)
		if err != nil {
			m.Add(fmt.Sprintf("clear[%d]", i), "%v", err)
		}
		c.clears = append(c.clears, p)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Match)) {
		one := matcher{value: r.Match[name]}
		if number, numbered := strings.CutPrefix(name, "$"); numbered {
			one.number, err = strconv.Atoi(number)
		} else {
			one.oid, err = names.OID(name)
		}
		if err != nil || one.number < 0 {
			m.Add("match."+name, "%v", err)
		}
		c.match = append(c.match, one)
	}
	for i, name := range r.Key {
		oid, err := names.OID(name)
		if err != nil {
			m.Add(fmt.Sprintf("key[%d]", i), "%v", err)
		}
		c.key = append(c.key, object{labelName(name), oid})
	}
	c.labels, c.annotations = textsOf(r.Labels), textsOf(r.Annotations)
	return c, m
}

// labelName returns the label of an object: its name without the module, or its OID.
func labelName(name string) string {
	_, name = mibs.CutModule(name)
	if name != "" && '0' <= name[0] && name[0] <= '9' {
		name = "oid_" + name
	}
	return strings.NewReplacer(".", "_", "-", "_").Replace(name)
}

func textsOf(of map[string]string) (list []text) {
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if t, err := parseTemplate(name, of[name]); err == nil { // Problems reports others
			list = append(list, text{name, t})
		}
	}
	return list
}

// Surroundings are those that rules go by beside the trap.
type Surroundings struct {
	Deployment string     // part of the identity of alarms
	Tree       *mibs.Tree // may be nil
}

// Raised reports whether a trap raises the alarm of the rule.
func (r *Rule) Raised(t *Trap, in *Surroundings) bool {
	return r.on.Matches(t.OID) && r.matchesObjects(t, in.Tree)
}

// Cleared returns the end of the alarm that a trap clears, if it clears one: its source, its variable
// bindings, and its summary if the rule has one for the clear. A trap that raises the alarm does not clear it.
func (r *Rule) Cleared(t *Trap, in *Surroundings) (end alarm.Alarm, cleared bool) {
	if !slices.ContainsFunc(r.clears, func(p varbind.Pattern) bool { return p.Matches(t.OID) }) || r.Raised(t, in) {
		return alarm.Alarm{}, false
	}
	key, _ := r.keyOf(t, in.Tree)
	end.VarBinds = t.bindings()
	end.ID, end.Reason = r.source(in.Deployment, t.Owner(), key), t.Name+" was received"
	data := r.data(t, in, key)
	for _, a := range r.annotations {
		if a.name == notify.AnnotationClearSummary {
			end.ClearSummary = expand(a.template, data)
		}
	}
	return end, true
}

// matchesObjects reports whether the values of a trap are those of the rule. An enumeration matches by its name and by its
// number.
func (r *Rule) matchesObjects(t *Trap, tree *mibs.Tree) bool {
	for i := range r.match {
		m := &r.match[i]
		found, number := false, 0
		for v := range t.All() {
			at := 0
			if !proxied(v.Name) {
				number++
				at = number
			}
			if !m.about(&v, at) {
				continue
			}
			_, node := nameOf(tree, v.Name)
			regexp := m.value.Compiled()
			if found = regexp.MatchString(valueText(tree, node, v)) || regexp.MatchString(plainText(v)); found {
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// keyOf returns the labels that distinguish the alarms of a rule, and the instance that the trap is about.
func (r *Rule) keyOf(t *Trap, tree *mibs.Tree) (labels map[string]string, instance snmp.OID) {
	labels = map[string]string{}
	column, index := FirstRow(t, tree)
	for i := range r.key {
		for v := range t.All() {
			if isObject(&v, r.key[i].oid) {
				_, node := nameOf(tree, v.Name)
				labels[r.key[i].name] = valueText(tree, node, v)
				break
			}
		}
	}
	if column == nil {
		return labels, nil
	}
	if len(r.key) == 0 {
		values, objects := varbind.IndexValues(column, index)
		for i, v := range values {
			labels[objects[i].Name] = valueText(tree, objects[i], v)
		}
	}
	return labels, append(slices.Clone(column.OID), index...)
}

// FirstRow returns the first column of which a trap has an instance, and its index.
func FirstRow(t *Trap, tree *mibs.Tree) (column *mibs.Node, index snmp.OID) {
	if tree == nil {
		return nil, nil
	}
	for v := range t.All() {
		if i := tree.Object(v.Name); i.Node != nil && i.Node.Kind == smi.Column && len(i.Index) > 0 {
			return i.Node, i.Index
		}
	}
	return nil, nil
}

// source identifies the condition of a rule with a key at a target. It is the same across restarts.
func (r *Rule) source(deployment, target string, key map[string]string) string {
	return r.ID() + alarm.ID(deployment, r.Alert, target, key)
}

// data returns the variables of the templates of annotations, with the labels of the alarm.
func (r *Rule) data(t *Trap, in *Surroundings, key map[string]string) *templateData {
	data := newTemplateData(t, in.Tree)
	if t.Target != nil {
		maps.Copy(data.Labels, t.Target.Labels)
	}
	maps.Copy(data.Labels, key)
	data.Labels["target"] = t.Owner()
	labels := maps.Clone(data.Labels)
	for _, l := range r.labels {
		labels[l.name] = expand(l.template, data)
	}
	labels["alertname"] = r.Alert
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" })
	data.Labels = labels
	return data
}

// Alarm returns the alarm that a trap raises by the rule.
func (r *Rule) Alarm(t *Trap, in *Surroundings) (alarm.Alarm, error) {
	key, instance := r.keyOf(t, in.Tree)
	target, data := t.Owner(), r.data(t, in, key)
	labels := data.Labels
	annotations := map[string]string{}
	for _, a := range r.annotations {
		annotations[a.name] = expand(a.template, data)
	}
	a, err := notify.AlarmOf(in.Deployment, labels, annotations)
	a.ID = r.source(in.Deployment, target, key)
	a.RaisedAt, a.Condition = t.At, t.Name
	a.Variable = cmp.Or(a.Variable, instance.String())
	if !a.Address.IsValid() {
		a.Address = t.Device
	}
	a.VarBinds = append(a.VarBinds, t.bindings()...)
	return a, err
}

// maxBindings bounds the variable bindings of a trap that an alarm has.
const maxBindings = 32

// bindings returns the variable bindings as those of an alarm.
func (t *Trap) bindings() (list []alarm.Binding) {
	for v := range t.All() {
		if name := varbind.TypeName(v.Type); name != "" && len(list) < maxBindings {
			b := alarm.Binding{Name: v.Name.String(), Type: name, Value: plainText(v)}
			if v.Type == snmp.OctetString && b.Value != string(v.Value) {
				b.Type, b.Value = "Hex-STRING", fmt.Sprintf("%x", v.Value)
			}
			list = append(list, b)
		}
	}
	return list
}
