package profile

import (
	"slices"

	"trapline/collector"
	"trapline/internal/measure"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// Module is a candidate module. It is chosen if the device returns one of its objects.
type Module struct {
	Name     string
	settings func() (*collector.Settings, error)
	outputs  func() ([]Outputs, error)
	roots    func() roots
}

// roots are the objects that a module reads, without lookups of labels.
type roots struct{ walks, gets []snmp.OID }

func (r roots) all() []snmp.OID { return slices.Concat(r.walks, r.gets) }

func rootsOf(s *collector.Settings) func() roots {
	r := roots{made(s, s.Walk), made(s, s.Get)}
	return func() roots { return r }
}

// NewModule returns a module with these settings.
func NewModule(name string, s *collector.Settings) *Module {
	load := func() (*collector.Settings, error) { return s, nil }
	outputs := func() ([]Outputs, error) { return outputsOf(name, s), nil }
	return &Module{Name: name, settings: load, outputs: outputs, roots: rootsOf(s)}
}

// Settings returns the settings, always the same.
func (m *Module) Settings() (*collector.Settings, error) { return m.settings() }

// Outputs returns the metrics that the module may make series of.
func (m *Module) Outputs() ([]Outputs, error) { return m.outputs() }

// Makes reports whether the module may make series of a metric, by the name of its object.
func (m *Module) Makes(metric string) bool {
	outputs, err := m.outputs()
	return err == nil && slices.ContainsFunc(outputs, func(o Outputs) bool {
		return slices.Contains(o.Metrics, metric) || slices.Contains(o.Metrics, metric+"_info")
	})
}

// MayRead reports whether the module reads objects above or below an OID.
func (m *Module) MayRead(object snmp.OID) bool {
	return slices.ContainsFunc(m.roots().all(), func(root snmp.OID) bool { return root.HasPrefix(object) || object.HasPrefix(root) })
}

// made returns those of roots from which metrics are made.
func made(s *collector.Settings, roots []setting.OID) []snmp.OID {
	var list []snmp.OID
	for _, root := range roots {
		if slices.ContainsFunc(s.Metrics, func(m collector.MetricSettings) bool {
			return m.OID.HasPrefix(root.OID) || root.HasPrefix(m.OID.OID)
		}) || slices.ContainsFunc(s.Measures, func(m *measure.Measure) bool { return m.Reads(root.OID) }) {
			list = append(list, root.OID)
		}
	}
	return list
}

// first returns the first object of found that the module reads. The system group, which every device has, decides
// nothing about modules that read a vendor's objects.
func (m *Module) first(found []snmp.OID) snmp.OID {
	roots := m.roots().all()
	if len(m.enterprises()) > 0 {
		roots = slices.DeleteFunc(roots, func(root snmp.OID) bool { return root.HasPrefix(system) })
	}
	for _, root := range roots {
		for _, oid := range found {
			if oid.HasPrefix(root) {
				return oid
			}
		}
	}
	return nil
}

// enterprises returns the numbers of the enterprises under which the module reads objects.
func (m *Module) enterprises() []uint32 {
	var list []uint32
	for _, root := range m.roots().all() {
		if e, found := enterpriseOf(root); found && !slices.Contains(list, e) {
			list = append(list, e)
		}
	}
	return list
}

// enterpriseOf returns the number behind enterprises (RFC 2578, section 2) in an OID.
func enterpriseOf(oid snmp.OID) (number uint32, found bool) {
	if !oid.HasPrefix(enterprises) {
		return 0, false
	}
	number, _, found = snmp.CutArc(oid[len(enterprises):])
	return number, found
}

var (
	enterprises = snmp.MustParseOID("1.3.6.1.4.1")
	system      = snmp.MustParseOID("1.3.6.1.2.1.1")
)
