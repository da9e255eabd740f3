package notify

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/outbox/queue"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// Settings is the `notifications` section, the identity of this process to receivers.
type Settings struct {
	EngineID      string      `yaml:"engine_id,omitempty"`      // SNMP engine ID of notifications, in hexadecimal digits; default the one in state_dir
	EnterpriseOID setting.OID `yaml:"enterprise_oid,omitempty"` // OID below which TRAPLINE-MIB lies; makes alarm the default format
	Deployment    string      `yaml:"deployment,omitempty"`     // part of the identity of alarms; the same for processes that stand in for each other

	AlarmIdentityIgnores []string `yaml:"alarm_identity_ignores,omitempty"` // labels that do not distinguish alarms
	MaxAlarms            int      `yaml:"max_alarms,omitempty"`             // how many alarms may be active; default 100000

	Groups map[string]string `yaml:"groups,omitempty"` // of receivers that share a group: all (default), or first-acked
}

// ReceiverSettings is an entry of `receivers`. Settings that do not apply to Type are refused.
type ReceiverSettings struct {
	Name            string                            `yaml:"name"`                       // name in metrics, logs and queues
	Type            string                            `yaml:"type,omitempty"`             // inform (default), trap or webhook
	Address         string                            `yaml:"address,omitempty"`          // [udp|udp4|udp6:]host[:port]; default port 162
	URL             setting.URL                       `yaml:"url,omitempty"`              // of a webhook, http or https
	Auth            string                            `yaml:"auth,omitempty"`             // entry of auths; default public_v2
	SourceAddress   string                            `yaml:"source_address,omitempty"`   // address, or address:port, to send from
	Context         string                            `yaml:"context,omitempty"`          // SNMPv3 context
	Format          string                            `yaml:"format,omitempty"`           // disman, alarm, template or snmp-notifier; default alarm with notifications.enterprise_oid, else disman
	Profile         string                            `yaml:"profile,omitempty"`          // compact sends nine objects of the format alarm, which fit 484 octets
	Objects         string                            `yaml:"objects,omitempty"`          // minimal leaves severity and text out of the format disman
	Timeout         setting.Duration                  `yaml:"timeout,omitempty"`          // of each message; default 2s
	Retries         *int                              `yaml:"retries,omitempty"`          // messages sent again in a delivery; default 2
	Rate            float64                           `yaml:"rate,omitempty"`             // deliveries a second; default 50
	Window          int                               `yaml:"window,omitempty"`           // deliveries outstanding at once; default 16
	MaxAge          setting.Duration                  `yaml:"max_age,omitempty"`          // after which a notification is given up; default 24h
	MaxEvents       int                               `yaml:"max_events,omitempty"`       // notifications that may wait; default 10000
	RepeatInterval  setting.Duration                  `yaml:"repeat_interval,omitempty"`  // time after which an active alarm is sent again; default never
	Heartbeat       setting.Duration                  `yaml:"heartbeat,omitempty"`        // sends a sign of life; default never
	MinSeverity     string                            `yaml:"min_severity,omitempty"`     // critical, major, minor or warning; default everything
	Labels          map[string]setting.AnchoredRegexp `yaml:"labels,omitempty"`           // expressions that must match whole values of labels
	EveryTransition bool                              `yaml:"every_transition,omitempty"` // sends also alarms that were cleared before they were sent
	Repeat          int                               `yaml:"repeat,omitempty"`           // how often a trap is sent; default 1
	Spacing         setting.Duration                  `yaml:"spacing,omitempty"`          // time between the copies of a trap; default 2s
	MaxBytes        int                               `yaml:"max_bytes,omitempty"`        // octets of notifications that may wait; default 67108864
	Group           string                            `yaml:"group,omitempty"`            // receivers with the same group follow notifications.groups

	Tags            []string `yaml:"tags,omitempty"`              // words by which rules choose receivers, in trap_tags
	Fallback        string   `yaml:"fallback,omitempty"`          // of the format template: the format for alarms without a notification of their own
	ContextEngineID string   `yaml:"context_engine_id,omitempty"` // engine ID of the context, in hexadecimal digits; default Trapline's own
}

// The defaults of the settings of a receiver.
const (
	defaultAuth      = "public_v2"
	defaultTimeout   = 2 * time.Second
	defaultRetries   = 2
	defaultRate      = 50
	defaultWindow    = 16
	defaultMaxAge    = 24 * time.Hour
	defaultMaxEvents = 10000
	defaultRepeat    = 1
	defaultSpacing   = 2 * time.Second
	defaultMaxBytes  = 64 << 20
)

// UnmarshalYAML fills in the defaults first.
func (r *ReceiverSettings) UnmarshalYAML(unmarshal func(any) error) error {
	type plain ReceiverSettings
	*r = ReceiverSettings{Type: "inform", Rate: defaultRate, Window: defaultWindow, MaxEvents: defaultMaxEvents, Repeat: defaultRepeat, MaxBytes: defaultMaxBytes}
	if err := unmarshal((*plain)(r)); err != nil {
		return err
	}
	if r.Auth == "" && r.Address != "" && !kinds[r.Type].url {
		r.Auth = defaultAuth
	}
	return nil
}

// Problems returns the errors in the settings, with which no notification could be sent.
func (s *Settings) Problems() []setting.Problem {
	var m setting.Problems
	if id, err := setting.Hex(s.EngineID); err != nil {
		m.Add("engine_id", "engine_id has %v", err)
	} else if err := snmp.CheckEngineID(id); err != nil && s.EngineID != "" {
		m.Add("engine_id", "%v", err)
	}
	for _, wrong := range s.EnterpriseOID.NotNumeric() {
		m.Add("enterprise_oid", "%s", wrong.Text)
	}
	if o := s.EnterpriseOID; o.OID != nil {
		if err := CheckEnterprise(o.OID); err != nil {
			m.Add("enterprise_oid", "%v", err)
		}
	}
	if s.MaxAlarms < 0 {
		m.Add("max_alarms", "max_alarms is 1 or more")
	}
	for i, name := range s.AlarmIdentityIgnores {
		if name == "alertname" || name == "target" || name == "" {
			m.Add(fmt.Sprintf("alarm_identity_ignores[%d]", i), "label %q is always part of the identity of an alarm: write labels that do not distinguish alarms", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Groups)) {
		if mode := s.Groups[name]; mode != queue.GroupAll && mode != queue.GroupFirstAcked {
			m.Add("groups."+name, "group %s: %q is neither %s nor %s", name, mode, queue.GroupAll, queue.GroupFirstAcked)
		}
	}
	return m
}

// ID is EngineID in octets, nil where it is not set.
func (s *Settings) ID() []byte {
	id, _ := setting.Hex(s.EngineID)
	return id
}

// labEnterprises are for documentation and for tests: alarms below them may be anybody's.
var labEnterprises = []snmp.OID{snmp.MustParseOID("1.3.6.1.4.1.32473"), snmp.MustParseOID("1.3.6.1.4.1.8072.9999.9999")}

// Warnings returns warnings about settings that are valid but not fit for production.
func (s *Settings) Warnings() []string {
	for _, lab := range labEnterprises {
		if s.EnterpriseOID.OID.HasPrefix(lab) {
			return []string{fmt.Sprintf("notifications.enterprise_oid: %s is for laboratories: ask IANA for a number of your own, which costs nothing", s.EnterpriseOID.OID)}
		}
	}
	return nil
}

// Problems returns the errors in the settings, with which nothing could be sent to the receiver.
func (r *ReceiverSettings) Problems() []setting.Problem {
	var m setting.Problems
	k, known := kinds[r.Type]
	switch {
	case !known:
		m.Add("type", "unknown type %q: use one of %s", r.Type, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
	case k.url:
		r.addWebhookProblems(&m)
	case r.Address == "" && r.URL != "":
		m.Add("type", "receiver %q has a url, which is of a webhook: write type: webhook, or address: HOST in its place", r.Name)
	case r.Address == "":
		m.Add("", "receiver %q needs an address: write address: HOST, or type: webhook with a url", r.Name)
	case r.URL != "":
		m.Add("url", "only a webhook has a url")
	default:
		if _, err := access.ParseReceiver(r.Address); err != nil {
			m.Add("address", "%v", err)
		}
	}
	if _, err := access.ParseSource(r.SourceAddress); err != nil {
		m.Add("source_address", "%v", err)
	}
	if r.Name == "" {
		m.Add("", "a receiver needs a name")
	}
	if !slices.Contains(formatNames(), r.Format) && r.Format != "" {
		m.Add("format", "unknown format %q: use one of %s", r.Format, strings.Join(formatNames(), ", "))
	}
	if _, ok := formats[r.Fallback]; !ok && r.Fallback != "" {
		m.Add("fallback", "unknown fallback %q: use one of %s", r.Fallback, strings.Join(slices.Sorted(maps.Keys(formats)), ", "))
	}
	if r.Profile != "" && r.Profile != compact {
		m.Add("profile", "unknown profile %q: write compact, or leave it out", r.Profile)
	}
	if r.Objects != "" && r.Objects != minimal {
		m.Add("objects", "unknown objects %q: write minimal, or leave it out", r.Objects)
	}
	if _, ok := alarm.Severities[r.MinSeverity]; !ok && r.MinSeverity != "" {
		m.Add("min_severity", "unknown severity %q: %s", r.MinSeverity, meantSeverity(r.MinSeverity))
	}
	if r.Rate <= 0 {
		m.Add("rate", "a rate is a number of notifications a second, and more than 0")
	}
	for name, n := range map[string]int{"window": r.Window, "max_events": r.MaxEvents, "max_bytes": r.MaxBytes, "repeat": r.Repeat} {
		if n < 1 {
			m.Add(name, "%s is 1 or more", name)
		}
	}
	if _, err := setting.Hex(r.ContextEngineID); err != nil {
		m.Add("context_engine_id", "%q has %v", r.ContextEngineID, err)
	}
	for i, tag := range r.Tags {
		if tag == "" || strings.ContainsAny(tag, ", \t\n") {
			m.Add(fmt.Sprintf("tags[%d]", i), "tag %q: a tag is a word without blanks and commas", tag)
		}
	}
	if known && !k.repeats && (r.Repeat > 1 || !r.Spacing.IsZero()) {
		m.Add("repeat", "repeat and spacing apply to traps only, as all else is sent until it is acknowledged: leave them out")
	}
	if r.Retries != nil && *r.Retries < 0 {
		m.Add("retries", "retries is 0 or more")
	}
	return m
}

func (r *ReceiverSettings) addWebhookProblems(m *setting.Problems) {
	if r.URL == "" && r.Address != "" {
		m.Add("address", "a webhook has a url in the place of an address: write url: http://HOST/PATH")
		return
	}
	if u, err := url.Parse(string(r.URL)); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		m.Add("url", "receiver %q needs a url that begins with http:// or https://", r.Name)
	}
	for name, text := range map[string]string{"address": r.Address, "auth": r.Auth, "format": r.Format, "profile": r.Profile, "objects": r.Objects, "fallback": r.Fallback, "context": r.Context, "context_engine_id": r.ContextEngineID, "source_address": r.SourceAddress} {
		if text != "" {
			m.Add(name, "a webhook has no %s: leave it out", name)
		}
	}
}

// Speaks returns the errors in the combination of the receiver with its auth and the `notifications` section.
func (r *ReceiverSettings) Speaks(a *access.Auth, s *Settings) []setting.Problem {
	var m setting.Problems
	if a != nil && a.Version == 1 && r.Type == "inform" {
		m.Add("type", "SNMPv1 has no informs, and auth %q is of version 1: write type: trap", r.Auth)
	}
	if s.Groups[r.Group] == queue.GroupFirstAcked && kinds[r.Type].repeats {
		m.Add("group", "a trap is never acknowledged, and group %s is sent to until one receiver acknowledges: write type: inform", r.Group)
	}
	if r.Format == "alarm" && s.EnterpriseOID.IsZero() {
		m.Add("format", "format alarm needs notifications.enterprise_oid, the OID that TRAPLINE-MIB lies below")
	}
	if a != nil && a.Version != 3 && r.ContextEngineID+r.Context != "" {
		m.Add("", "only SNMPv3 has contexts, and auth %q is of version %d", r.Auth, a.Version)
	}
	if r.Fallback != "" && r.Format != formatTemplate && !kinds[r.Type].url {
		m.Add("fallback", "fallback applies to format: template only: leave it out")
	}
	if r.Fallback == "alarm" && s.EnterpriseOID.IsZero() {
		m.Add("fallback", "format alarm needs notifications.enterprise_oid, the OID that TRAPLINE-MIB lies below")
	}
	if used := r.formatName(s); r.Profile != "" && used != "alarm" && (used != formatTemplate || r.fallbackName(s) != "alarm") {
		m.Add("profile", "profile applies to format: alarm only, which requires notifications.enterprise_oid")
	}
	if used := r.formatName(s); r.Objects != "" && !kinds[r.Type].url && used != "disman" && (used != formatTemplate || r.fallbackName(s) != "disman") {
		m.Add("objects", "objects applies to format: disman only: leave it out")
	}
	return m
}

// The values of profile and objects.
const compact, minimal = "compact", "minimal"

// contextEngine is ContextEngineID in octets, nil where it is not set.
func (r *ReceiverSettings) contextEngine() []byte {
	id, _ := setting.Hex(r.ContextEngineID)
	return id
}

// formatName returns the format of the receiver, or the default.
func (r *ReceiverSettings) formatName(s *Settings) string {
	switch {
	case r.Format != "":
		return r.Format
	case s.EnterpriseOID.IsZero():
		return "disman"
	}
	return "alarm"
}

// fallbackName returns the format of alarms that have no notification of their own.
func (r *ReceiverSettings) fallbackName(s *Settings) string {
	return (&ReceiverSettings{Format: r.Fallback}).formatName(s)
}

// matches returns the filter of the receiver.
func (r *ReceiverSettings) matches() func(*alarm.Alarm) bool {
	least, filters := alarm.Severities[r.MinSeverity]
	return func(a *alarm.Alarm) bool {
		if !queue.Wants(a, r.Name, r.Tags) {
			return false
		}
		if filters && !a.Severity.AtLeast(least) {
			return false
		}
		for name, pattern := range r.Labels {
			if !pattern.MatchString(a.Labels[name]) {
				return false
			}
		}
		return true
	}
}

// ByName reports whether alarms are sent as the notifications that their rules name.
func (r *ReceiverSettings) ByName() bool { return r.Format == formatTemplate }

// TestBy sets the notification of a test to the one with a name or an OID. A name must be defined in a MIB.
func (r *ReceiverSettings) TestBy(notification string, test *alarm.Event, names Names) error {
	if kinds[r.Type].url {
		return fmt.Errorf("receiver %q is a webhook, which has no types of notifications", r.Name)
	}
	_, _, err := names.Notification(notification)
	r.Format, test.Alarm.Notification = formatTemplate, notification
	return err
}
