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

// TablesArc is the arc of TRAPLINE-MIB below which its tables are.
const TablesArc = 3

// ProductArc is the arc of TRAPLINE-MIB that is the sysObjectID of Trapline's own agent.
const ProductArc = 4

// MutesColumn is the number of traplineActiveAlarmMutes, and numberColumn of the index of its table. The other columns
// have the numbers of the objects of notifications.
const MutesColumn, numberColumn = 26, 25

const alarmColumn = "traplineActiveAlarm"

// column is a column of a table.
type column struct {
	name, syntax, text string
	number             uint32
	hidden             bool // an index that is not accessible
}

// activeAlarmColumns are the columns of traplineActiveAlarmTable.
var activeAlarmColumns = func() (list []column) {
	for i, o := range mibObjects {
		if number := i + 1; number <= len(ofAlarms) || number >= 22 {
			name := alarmColumn + strings.TrimPrefix(strings.TrimPrefix(o.name, "trapline"), "Alarm")
			text := "As " + o.name + "."
			if own := columnTexts[o.name]; own != "" {
				text = own
			}
			list = append(list, column{name, o.syntax, text, uint32(number), false})
		}
	}
	return append(list,
		column{alarmColumn + "Number", "Unsigned32 (1..4294967295)", "The number of the raise. Alarms that are raised later have greater ones, also after restarts; only those that releases without numbers have raised have numbers from 2147483648 on.", numberColumn, true},
		column{alarmColumn + "Mutes", "SnmpAdminString (SIZE (0..255))", "Why receivers are not sent the alarm or its changes, as in silence ID, maintenance NAME, inhibit ALARM, cause TARGET; empty if it is not muted.", MutesColumn, false})
}()

// columnTexts are the descriptions of columns that differ from the objects of notifications.
var columnTexts = map[string]string{
	"traplineEventId":     "As traplineEventId in the last notification of the alarm; empty if there was none.",
	"traplineOccurredAt":  "When the last notification of the alarm was sent or, if it waits, made; if there was none, when the alarm was raised. In UTC.",
	"traplineRepeatCount": "As traplineRepeatCount in the last notification of the alarm.",
	"traplineDescription": "As traplineDescription; empty if there is no such text.",
	"traplineAckBy":       "As traplineAckBy; empty if the alarm is not acknowledged.",
	"traplineAlarmState":  "As traplineAlarmState: active(2).",
}

// receiverColumns are the columns of traplineReceiverTable.
var receiverColumns = []column{
	{"traplineReceiverIndex", "Unsigned32 (1..4294967295)", "The place of the receiver in the configuration.", 1, true},
	{"traplineReceiverName", "SnmpAdminString (SIZE (0..255))", "The name of the receiver.", 2, false},
	{"traplineReceiverAddress", "SnmpAdminString (SIZE (0..255))", "Its address or URL, without parts that may be secret.", 3, false},
	{"traplineReceiverType", "SnmpAdminString (SIZE (0..64))", "trap, inform, webhook, or the name of another type.", 4, false},
	{"traplineReceiverState", "INTEGER { works(1), fails(2), waiting(3) }", "Whether notifications reach it; waiting(3) if it has not acknowledged any yet.", 5, false},
	{"traplineReceiverProblem", "SnmpAdminString (SIZE (0..255))", "The reason of the last failure while it fails, else empty.", 6, false},
	{"traplineReceiverQueued", "Unsigned32", "How many notifications wait for it.", 7, false},
	{"traplineReceiverOldest", "DateAndTime", "When the oldest of them was made, in UTC; eight octets of 0 if none waits.", 8, false},
	{"traplineReceiverGivenUp", "Unsigned32", "How many notifications were given up and are kept.", 9, false},
	{"traplineReceiverToday", "Unsigned32", "How many notifications it has acknowledged since midnight.", 10, false},
	{"traplineReceiverLastAck", "DateAndTime", "When it last acknowledged one, in UTC; eight octets of 0 if it never has.", 11, false},
}

// ActiveAlarmColumns returns the numbers of the accessible columns of traplineActiveAlarmTable in ascending order.
func ActiveAlarmColumns() []uint32 { return accessible(activeAlarmColumns) }

// ReceiverColumns returns the numbers of the accessible columns of traplineReceiverTable in ascending order.
func ReceiverColumns() []uint32 { return accessible(receiverColumns) }

func accessible(columns []column) (numbers []uint32) {
	for i := range columns {
		if !columns[i].hidden {
			numbers = append(numbers, columns[i].number)
		}
	}
	return numbers
}

// table is a table of TRAPLINE-MIB.
type table struct {
	name, text string // the name without "Table"
	columns    []column
}

var mibTables = []table{
	{"traplineActiveAlarm", "The active alarms, muted ones included, without those of a baseline, which nobody is sent. A manager that may have lost notifications reads it.", activeAlarmColumns},
	{"traplineReceiver", "The receivers of notifications.", receiverColumns},
}

// writeTables writes the definitions of the tables.
func writeTables(b *strings.Builder) {
	b.WriteString("\ntraplineAgent OBJECT-IDENTITY\n    STATUS      current\n    DESCRIPTION \"The sysObjectID of Trapline.\"\n    ::= { traplineMIB 4 }\n")
	var groups []string
	for i, t := range mibTables {
		upper := strings.ToUpper(t.name[:1]) + t.name[1:]
		var index string
		var names, fields []string
		for _, c := range t.columns {
			base, _, _ := strings.Cut(strings.TrimSuffix(c.syntax, " }"), " (")
			if strings.HasPrefix(base, "INTEGER") {
				base = "INTEGER"
			}
			if fields = append(fields, c.name+" "+base); c.hidden {
				index = c.name
			} else {
				names = append(names, c.name)
			}
		}
		fmt.Fprintf(b, "\n%sTable OBJECT-TYPE\n    SYNTAX      SEQUENCE OF %sEntry\n    MAX-ACCESS  not-accessible\n    STATUS      current\n    DESCRIPTION %q\n    ::= { traplineTables %d }\n", t.name, upper, t.text, i+1)
		fmt.Fprintf(b, "\n%sEntry OBJECT-TYPE\n    SYNTAX      %sEntry\n    MAX-ACCESS  not-accessible\n    STATUS      current\n    DESCRIPTION \"A row.\"\n    INDEX       { %s }\n    ::= { %sTable 1 }\n", t.name, upper, index, t.name)
		fmt.Fprintf(b, "\n%sEntry ::= SEQUENCE {\n    %s\n}\n", upper, strings.Join(fields, ",\n    "))
		for _, c := range t.columns {
			access := "read-only"
			if c.hidden {
				access = "not-accessible"
			}
			fmt.Fprintf(b, "\n%s OBJECT-TYPE\n    SYNTAX      %s\n    MAX-ACCESS  %s\n    STATUS      current\n    DESCRIPTION %q\n    ::= { %sEntry %d }\n", c.name, c.syntax, access, c.text, t.name, c.number)
		}
		fmt.Fprintf(b, "\n%sGroup OBJECT-GROUP\n    OBJECTS     { %s }\n    STATUS      current\n    DESCRIPTION \"The columns of %sTable.\"\n    ::= { traplineConformance %d }\n", t.name, commas(names), t.name, i+4)
		groups = append(groups, t.name+"Group")
	}
	fmt.Fprintf(b, "\ntraplineAgentCompliance MODULE-COMPLIANCE\n    STATUS      current\n    DESCRIPTION \"The tables that Trapline's own agent has.\"\n    MODULE\n        MANDATORY-GROUPS { %s }\n    ::= { traplineConformance 6 }\n", strings.Join(groups, ", "))
}

const mibHead = `TRAPLINE-MIB DEFINITIONS ::= BEGIN

IMPORTS
    MODULE-IDENTITY, OBJECT-IDENTITY, OBJECT-TYPE, NOTIFICATION-TYPE, Unsigned32%s
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
    DESCRIPTION  "What Trapline sends about alarms. The objects below traplineObjects exist in notifications only; its own agent has the tables below traplineTables."
    REVISION     "202611260000Z"
    DESCRIPTION  "Notifications of alarms may carry traplineDescription. traplineAlarmAck. The tables of active alarms and of receivers."
    REVISION     "202603010000Z"
    DESCRIPTION  "The first version."
    ::= { %s 1 }

traplineNotifications OBJECT IDENTIFIER ::= { traplineMIB 0 }
traplineObjects       OBJECT IDENTIFIER ::= { traplineMIB 1 }
traplineConformance   OBJECT IDENTIFIER ::= { traplineMIB 2 }
traplineTables        OBJECT IDENTIFIER ::= { traplineMIB 3 }
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
	writeTables(&b)
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
