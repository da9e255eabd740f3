package notify

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/outbox/queue"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// Problems returns the errors in the settings, with which no notification could be sent.
func (s *Settings) Problems() []setting.Problem {
	var m setting.Problems
	s.addIdentityProblems(&m)
	s.addAlarmProblems(&m)
	for _, name := range slices.Sorted(maps.Keys(s.Groups)) {
		if mode := s.Groups[name]; mode != queue.GroupAll && mode != queue.GroupFirstAcked {
			m.Add("groups."+name, "group %s: %q is neither %s nor %s", name, mode, queue.GroupAll, queue.GroupFirstAcked)
		}
	}
	return m
}

// addIdentityProblems adds errors in the engine ID and the enterprise OID.
func (s *Settings) addIdentityProblems(m *setting.Problems) {
	if id, err := setting.Hex(s.EngineID); err != nil {
		m.Add("engine_id", "engine_id has %v", err)
	} else if err := snmp.CheckEngineID(id); err != nil && s.EngineID != "" {
		m.Add("engine_id", "%v", err)
	}
	for _, p := range s.EnterpriseOID.NotNumeric() {
		m.Add("enterprise_oid", "%s", p.Text)
	}
	if o := s.EnterpriseOID; o.OID != nil {
		if err := CheckEnterprise(o.OID); err != nil {
			m.Add("enterprise_oid", "%v", err)
		}
	}
}

// addAlarmProblems adds errors in the number and the identity of alarms.
func (s *Settings) addAlarmProblems(m *setting.Problems) {
	if s.MaxAlarms < 0 {
		m.Add("max_alarms", "max_alarms is 1 or more")
	}
	for i, name := range s.AlarmIdentityIgnores {
		if name == "alertname" || name == "target" || name == "" {
			m.Add(fmt.Sprintf("alarm_identity_ignores[%d]", i), "label %q is always part of the identity of an alarm: write labels that do not distinguish alarms", name)
		}
	}
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
	if r.Name == "" {
		m.Add("", "a receiver needs a name")
	}
	r.addAddressProblems(&m)
	r.addWordProblems(&m)
	r.addNumberProblems(&m)
	r.addTagProblems(&m)
	if k, known := kinds[r.Type]; known && k.url && len(r.Forward.Traps)+len(r.Forward.From) > 0 {
		m.Add("forward", "notifications are forwarded to receivers of the types inform and trap only")
	}
	return m
}

// addAddressProblems adds errors in where notifications are sent to, and from.
func (r *ReceiverSettings) addAddressProblems(m *setting.Problems) {
	k, known := kinds[r.Type]
	switch {
	case !known:
		m.Add("type", "unknown type %q: use one of %s", r.Type, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
	case k.url:
		r.addWebhookProblems(m)
	case r.Address == "" && r.URL != "":
		m.Add("type", "receiver %q has a url, which is of a webhook: write type: webhook, or address: HOST in its place", r.Name)
	case r.Address == "":
		m.Add("", "receiver %q needs an address: write address: HOST, or type: webhook with a url", r.Name)
	case r.URL != "":
		m.Add("url", "only a webhook has a url")
	case r.HTTPConfig != nil:
		m.Add("http_config", "only a webhook has an http_config")
	case len(r.GroupBy) > 0:
		m.Add("group_by", "only a webhook has group_by: traps and informs are about one alarm each")
	default:
		if _, err := access.ParseReceiver(r.Address); err != nil {
			m.Add("address", "%v", err)
		}
	}
	if _, err := access.ParseSource(r.SourceAddress); err != nil {
		m.Add("source_address", "%v", err)
	}
	if _, err := setting.Hex(r.ContextEngineID); err != nil {
		m.Add("context_engine_id", "%q has %v", r.ContextEngineID, err)
	}
}

// addWordProblems adds unknown words, of settings that have a list of them.
func (r *ReceiverSettings) addWordProblems(m *setting.Problems) {
	if !slices.Contains(formatNames, r.Format) && r.Format != "" {
		m.Add("format", "unknown format %q: use one of %s", r.Format, strings.Join(formatNames, ", "))
	}
	if !slices.Contains(fallbackNames, r.Fallback) && r.Fallback != "" {
		m.Add("fallback", "unknown fallback %q: use one of %s", r.Fallback, strings.Join(fallbackNames, ", "))
	}
	if r.Profile != "" && r.Profile != compact {
		m.Add("profile", "unknown profile %q: write compact, or leave it out", r.Profile)
	}
	if r.Objects != "" && r.Objects != minimal {
		m.Add("objects", "unknown objects %q: write minimal, or leave it out", r.Objects)
	}
	if _, ok := alarm.Severities[r.MinSeverity]; !ok && r.MinSeverity != "" {
		m.Add("min_severity", "unknown severity %q: %s", r.MinSeverity, severitySuggestion(r.MinSeverity))
	}
}

// addNumberProblems adds numbers that are out of range or do not apply to the type.
func (r *ReceiverSettings) addNumberProblems(m *setting.Problems) {
	if r.Rate <= 0 {
		m.Add("rate", "a rate is a number of notifications a second, and more than 0")
	}
	for name, n := range map[string]int{"window": r.Window, "max_events": r.MaxEvents, "max_bytes": r.MaxBytes, "repeat": r.Repeat} {
		if n < 1 {
			m.Add(name, "%s is 1 or more", name)
		}
	}
	if k, known := kinds[r.Type]; known && !k.repeats && (r.Repeat > 1 || !r.Spacing.IsZero()) {
		m.Add("repeat", "repeat and spacing apply to traps only, as all else is sent until it is acknowledged: leave them out")
	}
	if len(r.GroupBy) == 0 && (r.MaxAlerts != 0 || !r.GroupWait.IsZero() || !r.GroupInterval.IsZero()) {
		m.Add("", "group_wait, group_interval and max_alerts apply with group_by only")
	}
	if r.MaxAlerts < 0 {
		m.Add("max_alerts", "max_alerts is 1 or more, or left out")
	}
	if r.Retries != nil && *r.Retries < 0 {
		m.Add("retries", "retries is 0 or more")
	}
}

func (r *ReceiverSettings) addTagProblems(m *setting.Problems) {
	for i, tag := range r.Tags {
		if tag == "" || strings.ContainsAny(tag, ", \t\n") {
			m.Add(fmt.Sprintf("tags[%d]", i), "tag %q: a tag is a word without blanks and commas", tag)
		}
	}
}

// addWebhookProblems adds errors in the url, and settings that a webhook does not have.
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
	if r.Format == formatAlarm && s.EnterpriseOID.IsZero() {
		m.Add("format", "format alarm needs notifications.enterprise_oid, the OID that TRAPLINE-MIB lies below")
	}
	if a != nil && a.Version != 3 && r.ContextEngineID+r.Context != "" {
		m.Add("", "only SNMPv3 has contexts, and auth %q is of version %d", r.Auth, a.Version)
	}
	r.addFormatProblems(&m, s)
	return m
}

// addFormatProblems adds settings of formats that the receiver does not use.
func (r *ReceiverSettings) addFormatProblems(m *setting.Problems, s *Settings) {
	webhook, used := kinds[r.Type].url, r.formatName(s)
	uses := func(format string) bool {
		return used == format || used == formatTemplate && r.fallbackName(s) == format
	}
	if r.Acknowledgements && !webhook && used != formatAlarm {
		m.Add("acknowledgements", "format %s has no acknowledgements: write format: alarm, or leave it out", used)
	}
	if r.Fallback != "" && r.Format != formatTemplate && !webhook {
		m.Add("fallback", "fallback applies to format: template only: leave it out")
	}
	if r.Fallback == formatAlarm && s.EnterpriseOID.IsZero() {
		m.Add("fallback", "format alarm needs notifications.enterprise_oid, the OID that TRAPLINE-MIB lies below")
	}
	if r.Profile != "" && !uses(formatAlarm) {
		m.Add("profile", "profile applies to format: alarm only, which requires notifications.enterprise_oid")
	}
	if r.Objects != "" && !webhook && !uses(formatDisman) {
		m.Add("objects", "objects applies to format: disman only: leave it out")
	}
}
