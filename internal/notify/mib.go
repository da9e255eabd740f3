package notify

import (
	"fmt"
	"slices"
	"strings"

	"trapline/internal/snmp"
)

// mibObjects are the objects of TRAPLINE-MIB in the order of their numbers, from 1.
var mibObjects = []struct{ name, syntax, text string }{
	{"traplineAlarmId", "SnmpAdminString (SIZE (0..64))", "What the alarm is known by: the same from its raise to its clear, through restarts and changes of thresholds."},
	{"traplineEventId", "SnmpAdminString (SIZE (0..64))", "What the event is known by: the same whenever it is sent again, by whatever message."},
	{"traplineAlarmState", "INTEGER { cleared(1), active(2) }", "Whether the alarm is active."},
	{"traplineSeverity", "INTEGER { cleared(1), indeterminate(2), critical(3), major(4), minor(5), warning(6) }", "The perceived severity of ITU-T X.733; cleared in a clear."},
	{"traplineRuleName", "SnmpAdminString (SIZE (0..64))", "The rule that found the alarm."},
	{"traplineTargetName", "SnmpAdminString (SIZE (0..64))", "The device that the alarm is about."},
	{"traplineTargetAddressType", "InetAddressType", "The type of traplineTargetAddress; unknown(0) where that is empty."},
	{"traplineTargetAddress", "InetAddress", "The address of the device."},
	{"traplineResource", "SnmpAdminString (SIZE (0..128))", "The part of the device, as label=value, label=value. A backslash precedes a comma, an equals sign or a backslash in a label or a value."},
	{"traplineMetric", "SnmpAdminString (SIZE (0..64))", "The metric that the rule looks at."},
	{"traplineVariable", "OBJECT IDENTIFIER", "The instance that the metric was made of; 0.0 where it is not known."},
	{"traplineValue", "SnmpAdminString (SIZE (0..24))", "The value that raised or cleared the alarm, in decimal digits."},
	{"traplineCondition", "SnmpAdminString (SIZE (0..24))", "The condition that the value met."},
	{"traplineOccurredAt", "DateAndTime", "When the event happened, in UTC."},
	{"traplineRaisedAt", "DateAndTime", "When the alarm was raised, in UTC."},
	{"traplineRepeatCount", "Unsigned32", "How often the alarm was sent before because it lasts; 0 the first time."},
	{"traplineSummary", "SnmpAdminString (SIZE (0..255))", "What happened, in one line."},
	{"traplineLabels", "OCTET STRING (SIZE (0..512))", "All labels of the alarm in UTF-8, as label=value, label=value, sorted. A backslash precedes a comma, an equals sign or a backslash in a label or a value. Where it ends in a comma, a blank and an ellipsis, some were left out."},
	{"traplineAlarmsActive", "Unsigned32", "How many alarms are active."},
	{"traplineEventsQueued", "Unsigned32", "How many events wait for this receiver."},
	{"traplineEventsLost", "Unsigned32", "How many events for this receiver were dropped since the last one was sent."},
	{"traplineDescription", "SnmpAdminString (SIZE (0..255))", "What the rule says of the alarm beside traplineSummary, in one line. Where there is such a text, the object follows those of the notification."},
	{"traplineAckBy", "SnmpAdminString (SIZE (0..64))", "The person who has acknowledged the alarm; empty if it is no longer acknowledged."},
	{"traplineAckComment", "SnmpAdminString (SIZE (0..255))", "The person's comment."},
}

// mibNotifications are the notifications of TRAPLINE-MIB in the order of their numbers, from 1; those without a name are
// not defined.
var mibNotifications = []struct {
	name    string
	objects []int
	text    string

	// The SUMMARY and the severity that snmpttconvertmib reads for snmptt.
	summary, severity string
}{
	{"traplineAlarmRaise", ofAlarms, "An alarm was raised, or with traplineRepeatCount, is still active. snmpTrapAddress.0 follows the objects if the device has an address of IPv4.", "$17", "MAJOR"},
	{"traplineAlarmClear", ofAlarms, "An alarm was cleared.", "$17", "NORMAL"},
	{"traplineAlarmChange", ofAlarms, "The severity or the text of an active alarm has changed.", "$17", "MAJOR"},
	{"traplineHeartbeat", ofProcesses, "Trapline is running, and notifications reach this receiver.", "Trapline is running: $3 alarms are active, $4 notifications wait", "INFORMATIONAL"},
	{"traplineResync", ofProcesses, "Trapline has started, or events for this receiver were lost: the list of active alarms is to be read again.", "Read the active alarms again: $5 events were lost", "MINOR"},
	{"traplineTest", ofAlarms, "A test of whether notifications reach this receiver.", "$17", "INFORMATIONAL"},
	{},
	{"traplineAlarmAck", append(slices.Clip(ofAlarms), 23, 24), "A person has acknowledged an alarm, or if traplineAckBy is empty, the acknowledgement has ended. Only receivers with acknowledgements are sent it.", "$17: acknowledged by $19: $20", "INFORMATIONAL"},
}

var (
	ofAlarms    = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}
	ofProcesses = []int{2, 14, 19, 20, 21}
)

const mibHead = `TRAPLINE-MIB DEFINITIONS ::= BEGIN

IMPORTS
    MODULE-IDENTITY, OBJECT-TYPE, NOTIFICATION-TYPE, Unsigned32%s
        FROM SNMPv2-SMI
    MODULE-COMPLIANCE, OBJECT-GROUP, NOTIFICATION-GROUP
        FROM SNMPv2-CONF
    DateAndTime
        FROM SNMPv2-TC
    SnmpAdminString
        FROM SNMP-FRAMEWORK-MIB
    InetAddressType, InetAddress
        FROM INET-ADDRESS-MIB;

traplineMIB MODULE-IDENTITY
    LAST-UPDATED "202611260000Z"
    ORGANIZATION "Trapline"
    CONTACT-INFO "Whoever runs this Trapline."
    DESCRIPTION  "What Trapline sends about alarms. The objects exist in notifications only."
    REVISION     "202611260000Z"
    DESCRIPTION  "Notifications of alarms may carry traplineDescription. traplineAlarmAck."
    REVISION     "202603010000Z"
    DESCRIPTION  "The first version."
    ::= { %s 1 }

traplineNotifications OBJECT IDENTIFIER ::= { traplineMIB 0 }
traplineObjects       OBJECT IDENTIFIER ::= { traplineMIB 1 }
traplineConformance   OBJECT IDENTIFIER ::= { traplineMIB 2 }
`

const mibTail = `
traplineCompliance MODULE-COMPLIANCE
    STATUS      current
    DESCRIPTION "What Trapline sends."
    MODULE
        MANDATORY-GROUPS { traplineObjectGroup, traplineNotificationGroup }
    ::= { traplineConformance 3 }

END
`

// MIB returns the text of TRAPLINE-MIB for the notifications of the format alarm below an enterprise OID.
func MIB(enterprise snmp.OID) string {
	var b strings.Builder
	parent, imported := "enterprises", ", enterprises"
	numbers, below := strings.CutPrefix(enterprise.String(), "1.3.6.1.4.1.")
	if !below {
		parent, imported = "iso", ""
		numbers = strings.TrimPrefix(numbers, "1.")
	}
	fmt.Fprintf(&b, mibHead, imported, parent+" "+strings.ReplaceAll(numbers, ".", " "))
	var objects, notifications []string
	for i, o := range mibObjects {
		fmt.Fprintf(&b, "\n%s OBJECT-TYPE\n    SYNTAX      %s\n    MAX-ACCESS  accessible-for-notify\n    STATUS      current\n    DESCRIPTION %q\n    ::= { traplineObjects %d }\n",
			o.name, o.syntax, o.text, i+1)
		objects = append(objects, o.name)
	}
	for i, n := range mibNotifications {
		if n.name == "" {
			continue
		}
		var names []string
		for _, o := range n.objects {
			names = append(names, objects[o-1])
		}
		fmt.Fprintf(&b, "\n%s NOTIFICATION-TYPE\n    OBJECTS     { %s }\n    STATUS      current\n    DESCRIPTION %q\n    --#SUMMARY  %q\n    --#SEVERITY %s\n    ::= { traplineNotifications %d }\n",
			n.name, commas(names), n.text, n.summary, n.severity, i+1)
		notifications = append(notifications, n.name)
	}
	fmt.Fprintf(&b, "\ntraplineObjectGroup OBJECT-GROUP\n    OBJECTS     { %s }\n    STATUS      current\n    DESCRIPTION \"All objects.\"\n    ::= { traplineConformance 1 }\n", commas(objects))
	fmt.Fprintf(&b, "\ntraplineNotificationGroup NOTIFICATION-GROUP\n    NOTIFICATIONS { %s }\n    STATUS      current\n    DESCRIPTION \"All notifications.\"\n    ::= { traplineConformance 2 }\n", commas(notifications))
	b.WriteString(mibTail)
	return b.String()
}

// commas writes names, three a line.
func commas(names []string) string {
	var lines []string
	for three := range slices.Chunk(names, 3) {
		lines = append(lines, strings.Join(three, ", "))
	}
	return strings.Join(lines, ",\n                  ")
}

// The subtrees in which OIDs are assigned to organizations (RFC 2578 section 4), and their parent.
var (
	internet     = snmp.MustParseOID("1.3.6.1")
	experimental = snmp.MustParseOID("1.3.6.1.3")
	enterprises  = snmp.MustParseOID("1.3.6.1.4.1")
)

// CheckEnterprise returns an error if o cannot be an enterprise_oid, an OID whose subtree belongs to one organization.
func CheckEnterprise(o snmp.OID) error {
	below := func(root snmp.OID) bool { return o.HasPrefix(root) && len(o) > len(root) }
	switch {
	case !o.Valid() || internet.HasPrefix(o):
	case below(enterprises), below(experimental), below(snmp.MustParseOID("1.3")) && !o.HasPrefix(internet):
		return nil
	}
	return fmt.Errorf("%s is not an enterprise OID: write 1.3.6.1.4.1.N, N being the number that IANA has assigned to your organization, or an OID below it", o)
}
