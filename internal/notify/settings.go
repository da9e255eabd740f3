package notify

import (
	"fmt"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/mute"
	"trapline/internal/setting"
	"trapline/internal/varbind"
)

// Settings is the `notifications` section, the identity of this process to receivers.
type Settings struct {
	EngineID      string      `yaml:"engine_id,omitempty"`      // SNMP engine ID of notifications, in hexadecimal digits; default the one in state_dir
	EnterpriseOID setting.OID `yaml:"enterprise_oid,omitempty"` // OID below which TRAPLINE-MIB lies; makes alarm the default format
	Deployment    string      `yaml:"deployment,omitempty"`     // part of the identity of alarms; the same for processes that stand in for each other

	AlarmIdentityIgnores []string `yaml:"alarm_identity_ignores,omitempty"` // labels that do not distinguish alarms
	MaxAlarms            int      `yaml:"max_alarms,omitempty"`             // how many alarms may be active; default 100000

	Storm *mute.StormSettings `yaml:"storm,omitempty"` // many alarms at once are summarized, and less severe ones held back; default never

	Groups map[string]string `yaml:"groups,omitempty"` // of receivers that share a group: all (default), or first-acked
}

// ReceiverSettings is an entry of `receivers`. Settings that do not apply to Type are refused.
type ReceiverSettings struct {
	Name            string                            `yaml:"name"`                       // name in metrics, logs and queues
	Type            string                            `yaml:"type,omitempty"`             // inform (default), trap or webhook
	Address         string                            `yaml:"address,omitempty"`          // [udp|udp4|udp6:]host[:port]; default port 162
	URL             setting.URL                       `yaml:"url,omitempty"`              // of a webhook, http or https
	HTTPConfig      *setting.HTTPConfig               `yaml:"http_config,omitempty"`      // of a webhook: authorization, TLS and proxies, with the keys of Prometheus' http_config
	GroupBy         []string                          `yaml:"group_by,omitempty"`         // of a webhook: labels by which alarms are sent in one message, as Alertmanager does; "..." means all
	GroupWait       setting.Duration                  `yaml:"group_wait,omitempty"`       // from the first alarm of a group to its message; default 30s
	GroupInterval   setting.Duration                  `yaml:"group_interval,omitempty"`   // from one message of a group to the next; default 5m
	MaxAlerts       int                               `yaml:"max_alerts,omitempty"`       // the most alarms in a message of a group: those that changed, then the most severe; the others are counted in it as truncatedAlerts; default all
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

	ActiveTimeIntervals []string         `yaml:"active_time_intervals,omitempty"` // entries of time_intervals within which it is notified; default always
	MuteTimeIntervals   []string         `yaml:"mute_time_intervals,omitempty"`   // entries of time_intervals within which it is not notified
	Delay               setting.Duration `yaml:"delay,omitempty"`                 // for which an alarm must be active before it is sent; default 0s
	UnlessAcknowledged  bool             `yaml:"unless_acknowledged,omitempty"`   // does not send alarms that a person has acknowledged
	Acknowledgements    bool             `yaml:"acknowledgements,omitempty"`      // sends acknowledgements by persons; format alarm, and webhooks

	Tags     []string        `yaml:"tags,omitempty"`     // words by which rules choose receivers, in trap_tags
	Fallback string          `yaml:"fallback,omitempty"` // of the format template: the format for alarms without a notification of their own
	Forward  ForwardSettings `yaml:"forward,omitempty"`  // notifications of devices that are passed on

	ContextEngineID string `yaml:"context_engine_id,omitempty"` // engine ID of the context, in hexadecimal digits; default Trapline's own
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

// The values of format.
const (
	formatAlarm    = "alarm"         // of TRAPLINE-MIB
	formatDisman   = "disman"        // of DISMAN-EVENT-MIB
	formatNotifier = "snmp-notifier" // of SNMP-NOTIFIER-MIB
	formatTemplate = "template"      // the notification that the rule names
)

// fallbackNames are the values of fallback, formatNames those of format.
var (
	fallbackNames = []string{formatAlarm, formatDisman, formatNotifier}
	formatNames   = append(slices.Clip(fallbackNames), formatTemplate)
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

// ID is EngineID in octets, nil where it is not set.
func (s *Settings) ID() []byte {
	id, _ := setting.Hex(s.EngineID)
	return id
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
		return formatDisman
	}
	return formatAlarm
}

// fallbackName returns the format of alarms that have no notification of their own.
func (r *ReceiverSettings) fallbackName(s *Settings) string {
	return (&ReceiverSettings{Format: r.Fallback}).formatName(s)
}

// ByName reports whether alarms are sent as the notifications that their rules name.
func (r *ReceiverSettings) ByName() bool { return r.Format == formatTemplate }

// TestBy sets the notification of a test to the one with a name or an OID. A name must be defined in a MIB.
func (r *ReceiverSettings) TestBy(notification string, test *alarm.Event, names varbind.Names) error {
	if kinds[r.Type].url {
		return fmt.Errorf("receiver %q is a webhook, which has no types of notifications", r.Name)
	}
	_, _, err := names.Notification(notification)
	r.Format, test.Alarm.Notification = formatTemplate, notification
	return err
}

func duration(d setting.Duration, otherwise time.Duration) time.Duration {
	if d.IsZero() {
		return otherwise
	}
	return d.Duration
}
